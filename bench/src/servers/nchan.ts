import { mkdtempSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, untilListening } from './other-process.ts'
import { host, listen } from './publishing-server.ts'
import type { PublishingServer } from './publishing-server.ts'

/** nginx with nchan, as Debian has them: `nginx-light` and `libnginx-mod-nchan`. */
export const nchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so'

/**
 * The peer in C. One process, as the others are. Events are published as its users do, one request each, by this
 * process, whose time does not count.
 */
export async function open(): Promise<PublishingServer> {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), 'bench-nchan-'))
  const file = join(directory, 'nginx.conf')
  writeFileSync(file, configuration(port, directory))
  const nginx = startProgram('nginx', ['-c', file, '-p', directory, '-e', join(directory, 'error.log')])
  const failed = new Promise<never>((_resolve, reject) => nginx.once('error', reject))
  await Promise.race([untilListening(port), failed])
  const { pid } = nginx
  if (pid === undefined) throw new TypeError('nginx did not start')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    port,
    pid,
    replayPath: '/replay',
    async publish(events) {
      for (const event of events) await post(port, agent, event.data)
    },
  }
}

function post(port: number, agent: Agent, data: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method: 'POST', path: '/publish' }
    request(options, (response) => {
      response.resume()
      response.on('end', resolve)
    })
      .on('error', reject)
      .end(data)
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

const configuration = (port: number, directory: string): string => `
load_module ${nchanModule};
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
worker_rlimit_nofile 20000;
events { worker_connections 15000; }
http {
  access_log off;
  client_body_temp_path ${directory};
  proxy_temp_path ${directory};
  fastcgi_temp_path ${directory};
  uwsgi_temp_path ${directory};
  scgi_temp_path ${directory};
  keepalive_requests 1000000000;
  server {
    listen ${host}:${port} backlog=4096;
    location /events { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message newest; }
    location /replay { nchan_subscriber eventsource; nchan_channel_id bench; nchan_subscriber_first_message oldest; }
    location /publish { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 2000; }
  }
}
`
