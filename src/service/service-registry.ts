/** The kinds of service that this program can run. Another kind is one more entry here. */
import { ServiceError } from './service-error.ts';
import type { ServiceContext, ServiceKind } from './service-kind.ts';
import { SiteService } from './site-service.ts';

const kindsByName: Readonly<Record<string, (context: ServiceContext) => ServiceKind>> = {
  site: (context) => new SiteService(context),
};

/** @throws ServiceError `kind-unknown` for a kind that this program cannot run. */
export function createService(kind: string, context: ServiceContext): ServiceKind {
  const create = Object.hasOwn(kindsByName, kind) ? kindsByName[kind] : undefined;
  if (create !== undefined) return create(context);
  const known = Object.keys(kindsByName).join(', ');
  throw new ServiceError(
    'kind-unknown',
    `This service is of the kind "${kind}", which this version cannot run (it can: ${known}): update the program.`,
  );
}
