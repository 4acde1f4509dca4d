import { once } from 'node:events'
import { connect } from 'node:net'

/** CPU that Redis has used so far, in milliseconds. */
export async function redisCpuMs(port: number): Promise<number> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  try {
    await once(socket, 'connect')
    socket.write('INFO cpu\r\n')
    let reply = ''
    for await (const text of socket) {
      reply += text
      const [user, system] = ['used_cpu_user', 'used_cpu_sys'].map((name) =>
        Number(new RegExp(`^${name}:([\\d.]+)\\r`, 'm').exec(reply)?.[1]),
      )
      if (user !== undefined && system !== undefined && !Number.isNaN(user + system))
        return (user + system) * 1000
    }
    throw new Error(`Redis closed the connection after ${reply}`)
  } finally {
    socket.destroy()
  }
}
