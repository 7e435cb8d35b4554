/**
 * Units for service managers, as text. Pure.
 *
 * systemd reads `%` as a specifier and `$` as a variable, within quotes too, so both are doubled; quotes and backslashes
 * get a backslash (systemd.service(5), "Command lines"). A property list is XML.
 */

export interface UnitProgram {
  readonly name: string;
  readonly label: string;
  /** Absolute path of the program, then its arguments. */
  readonly command: readonly string[];
  readonly stateFolder: string;
  readonly logFile: string;
  /** A unit of the system runs as this user; null for a unit of the user's own. */
  readonly user: string | null;
}

export function systemdUnit({ name, command, stateFolder, user }: UnitProgram): string {
  const sandbox =
    user === null
      ? []
      : [
          `User=${user}`,
          'ProtectSystem=strict',
          `ReadWritePaths=${quote(stateFolder, false)}`,
          'PrivateTmp=yes',
          'ProtectKernelTunables=yes',
        ];
  return [
    '[Unit]',
    `Description=Banyan: ${specifierSafe(name)}`,
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${command.map((word) => quote(word, true)).join(' ')}`,
    'Restart=on-failure',
    'RestartSec=5',
    'TimeoutStopSec=30',
    'UMask=0077',
    'NoNewPrivileges=yes',
    ...sandbox,
    '',
    '[Install]',
    `WantedBy=${user === null ? 'default.target' : 'multi-user.target'}`,
    '',
  ].join('\n');
}

export function launchdList({ label, command, logFile }: UnitProgram): string {
  const strings = command.map((word) => `    <string>${xml(word)}</string>`).join('\n');
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>banyan.${xml(label)}</string>
  <key>ProgramArguments</key>
  <array>
${strings}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>StandardErrorPath</key>
  <string>${xml(logFile)}</string>
</dict>
</plist>
`;
}

function quote(word: string, isCommand: boolean): string {
  const safe = specifierSafe(word).replace(/[\\"]/g, '\\$&');
  return `"${isCommand ? safe.replaceAll('$', '$$$$') : safe}"`;
}

function specifierSafe(text: string): string {
  return text.replaceAll('%', '%%').replace(/[\r\n]/g, ' ');
}

function xml(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
