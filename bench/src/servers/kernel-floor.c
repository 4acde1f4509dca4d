/*
 * The floor: what it costs to write the same bytes to many sockets, and nothing else.
 *
 *     stdout: port LF        once, when it listens
 *     stdin:  length LF bytes    write these to every connection
 *     stdout: LF             they are written
 *
 * Answers each client with the head of an event stream as soon as the client has sent something. Sockets block: the publisher
 * in front is never so far ahead that a buffer fills.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

enum { most_connections = 20000, most_bytes = 1 << 20 };

static int connections[most_connections];
static int connection_count;
static char bytes[most_bytes];

static void write_all(int fd, const char *from, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, from, length);
    if (written <= 0) return;
    from += written;
    length -= (size_t)written;
  }
}

static void accept_one(int listener) {
  char request[4096];
  int one = 1;
  int fd = accept(listener, NULL, NULL);
  if (fd < 0 || connection_count == most_connections) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (read(fd, request, sizeof request) <= 0) {
    close(fd);
    return;
  }
  write_all(fd, head, sizeof head - 1);
  connections[connection_count++] = fd;
}

static void publish(void) {
  size_t length = 0;
  char digit;
  while (read(STDIN_FILENO, &digit, 1) == 1 && digit != '\n') length = length * 10 + (size_t)(digit - '0');
  if (length == 0 || length > most_bytes) exit(0);
  for (size_t have = 0; have < length;) {
    ssize_t got = read(STDIN_FILENO, bytes + have, length - have);
    if (got <= 0) exit(0);
    have += (size_t)got;
  }
  for (int index = 0; index < connection_count; index++) write_all(connections[index], bytes, length);
  puts("");
  fflush(stdout);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct pollfd watched[] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
  for (;;) {
    if (poll(watched, 2, -1) < 0) return 1;
    if (watched[0].revents & POLLIN) accept_one(listener);
    if (watched[1].revents & (POLLIN | POLLHUP)) publish();
  }
}
