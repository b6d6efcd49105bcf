/** Catwalk's own prediction code. */
import { catwalkForward } from '../networks/forward-catwalk.ts';
import { layersModel, networkWorker } from './network-worker.ts';

export default networkWorker(async ({ network: { inputShape } }) =>
  catwalkForward(await layersModel(), inputShape),
);
