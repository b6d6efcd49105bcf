import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { chromiumPath } from './chromium.ts';

export interface Look {
  name: string;
  viewport: { width: number; height: number };
  colorScheme: 'light' | 'dark';
}

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

export const desktopLight: Look = {
  name: 'desktop, light',
  viewport: desktop,
  colorScheme: 'light',
};
export const phoneDark: Look = { name: 'phone, dark', viewport: phone, colorScheme: 'dark' };

export const desktopDark: Look = { name: 'desktop, dark', viewport: desktop, colorScheme: 'dark' };
export const phoneLight: Look = { name: 'phone, light', viewport: phone, colorScheme: 'light' };

/** Options of Chromium for WebGPU on the CPU. */
const webgpuOnCpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/**
 * Starts a real Chromium, whose camera shows a test pattern.
 *
 * @param cameraFile a video to show instead, such as an MJPEG
 * @param webgpu whether WebGPU runs, on the CPU (default: false: it finds no GPU)
 */
export const launch = ({
  cameraFile,
  webgpu = false,
}: {
  cameraFile?: string;
  webgpu?: boolean;
} = {}): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      // Without a GPU, WebGL runs on the CPU.
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      ...(webgpu ? webgpuOnCpu : []),
      ...(cameraFile === undefined ? [] : [`--use-file-for-fake-video-capture=${cameraFile}`]),
    ],
  });

export interface OpenedPage {
  page: Page;
  /** The errors of the page so far. */
  errors: string[];
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  { viewport, colorScheme }: Look,
  url: string,
): Promise<OpenedPage> {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    hasTouch: viewport.width < 600,
    reducedMotion: 'reduce',
    permissions: ['camera', 'clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    const isOwn = host === new URL(url).host || ['data:', 'blob:'].includes(protocol);
    if (!isOwn) errors.push(`asks another host: ${request.url()}`);
  });
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  return { page, errors, close: () => context.close() };
}

/** Checks the page with axe, and that it is not wider than the screen. */
export async function checkAccessibility(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe puts itself there.
    const { violations } = await (globalThis as any).axe.run();
    return violations.flatMap(
      ({ id, impact, nodes }: { id: string; impact: string; nodes: { html: string }[] }) =>
        ['serious', 'critical'].includes(impact) ? [`${id}: ${nodes[0]?.html}`] : [],
    );
  });
  expect(violations).toEqual([]);
  const [inner, outer] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(inner, await page.title()).toBeLessThanOrEqual(outer as number);
}

/** Waits until a condition holds. The failure contains the last value. */
export const eventually = <Value>(read: () => Promise<Value>) =>
  expect.poll(read, { timeout: 60_000, interval: 100 });
