import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The folders in which Vulkan's loader looks for a file per driver. */
const driverFolders = [
  join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local/share'), 'vulkan/icd.d'),
  '/etc/vulkan/icd.d',
  '/usr/local/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
];

/** Some hosts of containers mount NVIDIA's driver there, where the loader does not look. */
const mountedDriver = '/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json';

/** Names a driver that the loader would not find by itself, if there is no other. Call it before Dawn is loaded. */
export function nameMountedDriver(environment = process.env): void {
  if (vulkanDrivers(environment).length > 0 || !existsSync(mountedDriver)) return;
  environment.VK_DRIVER_FILES ??= mountedDriver;
}

/** Returns the files that describe the installed Vulkan drivers (ICDs), as the loader finds them. */
function vulkanDrivers(environment: NodeJS.ProcessEnv): string[] {
  const named = environment.VK_DRIVER_FILES || environment.VK_ICD_FILENAMES;
  if (named) return named.split(delimiter).filter((file) => existsSync(file));
  return driverFolders.flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [],
  );
}

/** Loads a library as the loader of the system finds it, and returns whether it is there. */
function hasLibrary(name: string): boolean {
  try {
    process.dlopen({ exports: {} }, name);
    return true;
  } catch (error) {
    // The library loads, but is not one of Node's modules.
    return (error as Error).message.includes('self-register');
  }
}

/**
 * Explains what Vulkan lacks on this machine. Dawn itself would only answer that there is no adapter, and write its own warnings.
 *
 * @returns null if the loader and a driver are installed, or the platform does not use Vulkan
 */
export function missingVulkan(environment = process.env): string | null {
  if (process.platform !== 'linux') return null;
  if (!hasLibrary('libvulkan.so.1')) {
    return "Vulkan's loader, libvulkan.so.1, is not installed (Debian and Ubuntu: apt-get install libvulkan1)";
  }
  if (vulkanDrivers(environment).length > 0) return null;
  const named = environment.VK_DRIVER_FILES || environment.VK_ICD_FILENAMES;
  if (named) return `the Vulkan driver ${named}, which VK_DRIVER_FILES names, does not exist`;
  return "no Vulkan driver is installed. Install the GPU's driver (AMD and Intel: mesa-vulkan-drivers); a container needs --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics";
}

/** Describes the drivers that are installed, for a machine on which none of them answers. */
export function describeDrivers(environment = process.env): string {
  if (process.platform !== 'linux') return "Update the GPU's driver";
  const drivers = vulkanDrivers(environment).join(', ');
  return `The Vulkan drivers ${drivers} are installed, but none offers a device that Dawn accepts. Check with vulkaninfo --summary whether they work, and update them`;
}
