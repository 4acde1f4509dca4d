/** What there is at a path. */
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

/** The first and the last byte. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Files to serve: those of a disk, of a program, of an archive. A path is a list of names, none of them empty, `.`,
 * `..` or with a slash in it; the empty list is the root.
 */
export interface FileTree {
  /** Undefined where there is nothing, or nothing that may be seen. */
  stat(path: readonly string[]): Promise<TreeEntry | undefined>
  /** The content of a file, or a part of it. Nothing is opened before somebody reads. */
  read(path: readonly string[], range: ByteRange | undefined): ReadableStream<Uint8Array>
  /** The names in a directory. */
  list(path: readonly string[]): Promise<readonly string[]>
  /** Puts a file in place at once, whole, or not at all. Undefined: the tree cannot be written to. */
  write?(path: readonly string[], content: ReadableStream<Uint8Array>): Promise<'created' | 'replaced'>
  /** False where there is no such file. Undefined: the tree cannot be written to. */
  remove?(path: readonly string[]): Promise<boolean>
}
