'use client'
import { useEventSource } from '@sse-toolkit/event-source-client/react'

export default function Live() {
  const { status } = useEventSource('/events')
  return <p>{status.state}</p>
}
