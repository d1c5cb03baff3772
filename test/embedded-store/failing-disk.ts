/**
 * A disk that truly fails, made of what every Linux has: a file system on a loop device whose file lies, with holes, in a room of
 * fixed size. Fill the room, and new blocks can no longer be written: the system's own `fsync` fails. Empty it, and the disk works
 * again, but what it failed to write is not there. Unmounting forgets what was only in memory, as a power cut does.
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

/** Where the programs are, also for a process that was not told of those of the administrator. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Whether this process may mount, and there are loop devices to mount, and something to make a file system with. */
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
    // Page by page: the loop device calls a write of several pages good when only the first of them was.
    writeFileSync(`/sys/block/${basename(this.device)}/queue/max_sectors_kb`, '4')
    this.mount()
  }

  /** From now on no block can be written that was not written before. */
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

  /** Everything is forgotten that the disk had not been given, or had not taken. */
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
