/** The file or directory at a path. */
export type TreeEntry =
  | { readonly kind: 'directory' }
  | {
      readonly kind: 'file'
      readonly sizeBytes: number
      /** Milliseconds since the epoch. */
      readonly modifiedAt: number
      /** Changes whenever the content does; quoted, as in RFC 9110 section 8.8.3. */
      readonly etag: string
    }

/** A range of bytes: the positions of the first and the last byte, both included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * A source of files to serve, for example a directory, the program itself, or an archive. A path is a list of names. No name
 * is empty, `.` or `..`, or contains a slash. The empty list is the root.
 */
export interface FileTree {
  /** Returns undefined if nothing exists at the path, or if it must not be served. */
  stat(path: readonly string[]): Promise<TreeEntry | undefined>
  /** Returns the content of a file, or a part of it. The file is not opened before the stream is read. */
  read(path: readonly string[], range: ByteRange | undefined): ReadableStream<Uint8Array>
  /** Returns the names in a directory. */
  list(path: readonly string[]): Promise<readonly string[]>
  /** Writes a file atomically: either the whole file appears, or nothing changes. Leave it out for a read-only tree. */
  write?(path: readonly string[], content: ReadableStream<Uint8Array>): Promise<'created' | 'replaced'>
  /** Deletes a file; resolves to false if it does not exist. Leave it out for a read-only tree. */
  remove?(path: readonly string[]): Promise<boolean>
}
