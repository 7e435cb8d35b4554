import { describe, expect, it } from 'vitest';
import { pathsFor } from '../../../src/cli/state/paths.ts';

const linux = { platform: 'linux', environment: {}, home: '/home/ada', temporary: '/tmp', uid: 1000 } as const;

describe('where things lie', () => {
  it('on Linux: in the XDG folders, by their defaults', () => {
    expect(pathsFor(linux)).toEqual({
      data: '/home/ada/.local/share/banyan',
      config: '/home/ada/.config/banyan',
      state: '/home/ada/.local/state/banyan',
      runtime: '/tmp/banyan-1000',
    });
  });

  it('on Linux: where the XDG variables say', () => {
    const environment = {
      XDG_DATA_HOME: '/d',
      XDG_CONFIG_HOME: '/c',
      XDG_STATE_HOME: '/s',
      XDG_RUNTIME_DIR: '/run/user/1000',
    };
    expect(pathsFor({ ...linux, environment })).toEqual({
      data: '/d/banyan',
      config: '/c/banyan',
      state: '/s/banyan',
      runtime: '/run/user/1000/banyan',
    });
  });

  it('on Linux: a relative XDG variable counts as none, as the specification says', () => {
    expect(pathsFor({ ...linux, environment: { XDG_DATA_HOME: 'd', XDG_RUNTIME_DIR: './run' } })).toEqual(
      pathsFor(linux),
    );
  });

  it('on a Mac: in the Library', () => {
    expect(
      pathsFor({ ...linux, platform: 'darwin', home: '/Users/ada', temporary: '/var/folders/x', uid: 501 }),
    ).toEqual({
      data: '/Users/ada/Library/Application Support/banyan',
      config: '/Users/ada/Library/Application Support/banyan',
      state: '/Users/ada/Library/Logs/banyan',
      runtime: '/var/folders/x/banyan-501',
    });
  });

  it('on Windows: in the application data', () => {
    const environment = { LOCALAPPDATA: 'C:\\Users\\ada\\AppData\\Local', APPDATA: 'C:\\Users\\ada\\AppData\\Roaming' };
    const paths = pathsFor({
      platform: 'win32',
      environment,
      home: 'C:\\Users\\ada',
      temporary: 'C:\\Temp',
      uid: undefined,
    });
    expect(paths).toEqual({
      data: 'C:\\Users\\ada\\AppData\\Local\\banyan\\Data',
      config: 'C:\\Users\\ada\\AppData\\Roaming\\banyan\\Config',
      state: 'C:\\Users\\ada\\AppData\\Local\\banyan\\Log',
      runtime: 'C:\\Temp\\banyan',
    });
    expect(
      pathsFor({ platform: 'win32', environment: {}, home: 'C:\\Users\\ada', temporary: 'C:\\Temp', uid: undefined }),
    ).toEqual(paths);
  });
});
