/**
 * The anchor of a heading, as GitHub makes it from the heading's text: lower case, without punctuation, with a hyphen for
 * each space. The site makes the same ones, so that a link holds both there and in the repository.
 */
export function headingSlug(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}
