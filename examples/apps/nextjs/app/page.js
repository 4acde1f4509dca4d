export default function Page() {
  return 'An app with an event stream.'
}
