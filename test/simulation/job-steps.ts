/** What a job publishes, and nobody else. */
export function jobStep(step: number, topic: string): string {
  return `step ${step} of ${topic}`
}

export function isJobStep(data: string): boolean {
  return data.startsWith('step ')
}
