export default {
  rewrites: async () => [{ source: '/feed', destination: '/events' }],
}
