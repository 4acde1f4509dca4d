/** The events that only a job publishes. */
export function jobStep(step: number, topic: string): string {
  return `step ${step} of ${topic}`
}

export function isJobStep(data: string): boolean {
  return data.startsWith('step ')
}
