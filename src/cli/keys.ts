/** npm run keys -- lost: goes on without keys that are gone for good. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { readConfig } from '../runtime/config.ts'
import { InstallationMismatch } from '../runtime/installation-check.ts'
import { lossReasons, whyLost, type LossOfKeys } from '../runtime/keys-lost.ts'
import { openRuntime } from '../runtime/runtime.ts'
import { atTheTerminal } from './terminal.ts'

const program = new Command('npm run keys --').description('What is done about the keys.')

interface Loss extends LossOfKeys {
  readonly iUnderstand?: true
}

const staffCode = (text: string): string => {
  if (/^(?=.*\d)[A-Za-z0-9_.-]{1,20}$/.test(text)) return text
  throw new InvalidArgumentError('It must be a staff code such as CM001, not a name.')
}

program
  .command('lost')
  .description(
    'records that keys are gone for good, so that the application starts again. Whoever had one of them stays in every figure as “(key missing)”, ' +
      'without name, number or notes; whoever is referred anew is somebody new. It cannot be undone.',
  )
  .requiredOption('--by <code>', 'staff code of who says so', staffCode)
  .addOption(new Option('--reason <reason>', 'why they are gone').choices(lossReasons).makeOptionMandatory())
  .option('--i-understand', 'do it; without this, only say what is missing')
  .action(({ by, reason, iUnderstand }: Loss) =>
    atTheTerminal(async () => {
      const config = { ...readConfig(), logLevel: 'error' as const }
      const whole = await openRuntime(config, { onlyReads: true }).catch((error: unknown) => {
        if (error instanceof InstallationMismatch) return error
        throw error
      })
      if (!(whole instanceof InstallationMismatch)) {
        await whole.close()
        process.stdout.write('No key is missing. Nothing was changed.\n')
        return
      }
      if (!iUnderstand) {
        process.stderr.write(
          `${whole.message}\nLook for a newer copy first. Where there is none, add --i-understand: it cannot be undone, and keys that are found later are refused.\n`,
        )
        process.exitCode = 1
        return
      }
      const runtime = await openRuntime(config, { lossOfKeys: { by, reason } })
      await runtime.close()
      process.stdout.write(
        `It is recorded that keys are lost because ${whyLost(reason)}. The application can start again. Copy keys.sqlite in ${config.keysDir} to another place now.\n`,
      )
    }),
  )

await program.showHelpAfterError().parseAsync()
