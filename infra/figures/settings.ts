import * as z from 'zod/mini';
import { variablesSchema } from '../../edge/configuration.ts';
import { table } from './format.ts';

/** `settings.table`: the Worker's variables with their defaults and descriptions. */
export function settingFigures(): [string, string][] {
  const rows = Object.entries(variablesSchema.shape).map(([name, schema]) => {
    const value = 'defaultValue' in schema.def ? schema.def.defaultValue : '';
    const description = z.globalRegistry.get(schema)?.description ?? '';
    return [`\`${name}\``, value ? `\`${value}\`` : '', description];
  });
  return [['settings.table', table([['variable', 'default', 'what it sets'], ...rows])]];
}
