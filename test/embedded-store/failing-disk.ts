/**
 * A disk that really fails, made with what every Linux has: a file system on a loop device, whose sparse file lies in a tmpfs of
 * fixed size. When the tmpfs is full, new blocks cannot be written and the system's own `fsync` fails. Emptied, the disk works
 * again, without the blocks that it failed to write. Unmounting discards what was only in memory, as a power cut does.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'

const CAP_SYS_ADMIN = 1n << 21n

/** Directories of programs, including those of the administrator, which PATH may lack. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Whether this process may mount, and the machine has loop devices and a program that makes file systems. */
export function mayMakeDisks(): boolean {
  if (process.platform !== 'linux' || !existsSync('/dev/loop-control')) return false
  const isThere = (program: string) => PATH.split(':').some((directory) => existsSync(join(directory, program)))
  if (!['mount', 'umount', 'losetup', 'mkfs.ext4'].every(isThere)) return false
  const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return (BigInt(`0x${capabilities}`) & CAP_SYS_ADMIN) !== 0n
}

export class Disk {
  readonly data: string
  private readonly room: string
  private readonly mountPoint: string
  private readonly device: string

  constructor(directory: string) {
    this.room = join(directory, 'room')
    this.mountPoint = join(directory, 'disk')
    this.data = join(this.mountPoint, 'data')
    mkdirSync(this.room)
    mkdirSync(this.mountPoint)
    run('mount', '-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', this.room)
    const image = join(this.room, 'image')
    writeFileSync(image, '')
    truncateSync(image, 256 * 1024 * 1024)
    run('mkfs.ext4', '-q', '-F', '-b', '4096', '-O', '^has_journal', '-E', 'nodiscard,lazy_itable_init=0', image)
    this.device = run('losetup', '--find', '--show', image).trim()
    // Page by page: the loop device reports success for a write of several pages when only the first was written.
    writeFileSync(`/sys/block/${basename(this.device)}/queue/max_sectors_kb`, '4')
    this.mount()
  }

  /** From now on no new block can be written. */
  fail(): void {
    const filler = openSync(join(this.room, 'filler'), 'w')
    for (const size of [1024 * 1024, 4096])
      try {
        for (;;) writeSync(filler, Buffer.alloc(size, 1))
      } catch {
        // full
      }
    closeSync(filler)
  }

  recover(): void {
    rmSync(join(this.room, 'filler'))
  }

  /** Discards everything that the disk has not written. */
  cutPower(): void {
    run('umount', this.mountPoint)
    this.mount()
  }

  remove(): void {
    run('umount', this.mountPoint)
    run('losetup', '--detach', this.device)
    run('umount', this.room)
  }

  private mount(): void {
    run('mount', '-o', 'errors=continue', this.device, this.mountPoint)
  }
}

function run(program: string, ...args: string[]): string {
  const env = { ...process.env, PATH }
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env })
}
