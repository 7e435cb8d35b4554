/**
 * Where things lie on this machine, by the customs of its system.
 *
 * Four folders: *data* (one folder per service: keys, charter, releases, database), *config* (banyan.toml), *state* (logs),
 * *runtime* (sockets; emptied at logout or restart). Linux and the BSDs follow the XDG Base Directory Specification 0.8,
 * which also says that a relative path in one of its variables counts as none. Pure: everything it needs is given to it.
 */
import { posix, win32 } from 'node:path';

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** For files that may vanish: os.tmpdir(). */
  readonly temporary: string;
  /** The user's number; absent on Windows. */
  readonly uid: number | undefined;
}

export interface Paths {
  readonly data: string;
  readonly config: string;
  readonly state: string;
  readonly runtime: string;
}

export function pathsFor(surroundings: Surroundings): Paths {
  switch (surroundings.platform) {
    case 'win32':
      return windowsPaths(surroundings);
    case 'darwin':
      return macPaths(surroundings);
    default:
      return xdgPaths(surroundings);
  }
}

function xdgPaths({ environment, home, temporary, uid }: Surroundings): Paths {
  const folder = (variable: string, fallback: string): string => {
    const given = environment[variable];
    return posix.join(given !== undefined && posix.isAbsolute(given) ? given : fallback, 'banyan');
  };
  const runtime = environment['XDG_RUNTIME_DIR'];
  return {
    data: folder('XDG_DATA_HOME', posix.join(home, '.local/share')),
    config: folder('XDG_CONFIG_HOME', posix.join(home, '.config')),
    state: folder('XDG_STATE_HOME', posix.join(home, '.local/state')),
    runtime:
      runtime !== undefined && posix.isAbsolute(runtime)
        ? posix.join(runtime, 'banyan')
        : posix.join(temporary, `banyan-${uid ?? 'user'}`),
  };
}

function macPaths({ home, temporary, uid }: Surroundings): Paths {
  const support = posix.join(home, 'Library/Application Support/banyan');
  return {
    data: support,
    config: support,
    state: posix.join(home, 'Library/Logs/banyan'),
    runtime: posix.join(temporary, `banyan-${uid ?? 'user'}`),
  };
}

function windowsPaths({ environment, home, temporary }: Surroundings): Paths {
  const local = environment['LOCALAPPDATA'] ?? win32.join(home, 'AppData', 'Local');
  const roaming = environment['APPDATA'] ?? win32.join(home, 'AppData', 'Roaming');
  return {
    data: win32.join(local, 'banyan', 'Data'),
    config: win32.join(roaming, 'banyan', 'Config'),
    state: win32.join(local, 'banyan', 'Log'),
    runtime: win32.join(temporary, 'banyan'),
  };
}
