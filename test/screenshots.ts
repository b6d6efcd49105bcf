/** `npm run screenshots [-- --photo FILE | --own INDEX]`: takes the pictures of the page in docs/ from a running Worker (`npm start`). */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Page } from 'playwright-core';
import { desktopDark, desktopLight, type Look, launch } from './support/browser/open-browser.ts';

const { url, photo, own } = new Command('npm run screenshots --')
  .description('Takes the pictures of the page in docs/.')
  .option('--url <url>', 'address of a running Worker', 'http://localhost:8787')
  .option('--photo <file>', 'a JPEG for the pictures of photos (default: they stay as they are)')
  .option(
    '--own <index>',
    "take only the picture of a model of one's own photos, with this test image",
  )
  .parse()
  .opts<{ url: string; photo?: string; own?: string }>();
const docs = join(import.meta.dirname, '../docs');

/** A boot that is predicted as a sandal, to show a mistake. */
const testImage = 23;

async function showTry(page: Page): Promise<void> {
  await page.locator('#answer[aria-busy=false] #verdict').filter({ hasText: /\w/ }).waitFor();
  await page.locator('#seen').waitFor();
  await page.getByText('Also run in this browser').click();
  await page.locator('#local-time', { hasText: 'ms' }).waitFor();
}

async function showPhoto(page: Page): Promise<void> {
  await page.getByText('Picture', { exact: true }).click();
  await page.locator('#file').setInputFiles(photo as string);
  await page.locator('#answer[aria-busy=false] #verdict').filter({ hasText: /\w/ }).waitFor();
  await page.locator('#crop').waitFor();
}

async function showCamera(page: Page): Promise<void> {
  await page.getByText('Camera', { exact: true }).click();
  await page.locator('#crop').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.locator('#answer[aria-busy=false] #verdict').filter({ hasText: /\w/ }).waitFor();
}

async function showExplore(page: Page): Promise<void> {
  await page.locator('.tiles li').first().waitFor();
}

type Picture = [file: string, look: Look, view: string, show: (page: Page) => Promise<void>];
const ownPictures: Picture[] = [['page-own.png', desktopLight, `try/${own}`, showTry]];
const pictures: Picture[] = [
  ['page.png', desktopLight, `try/${testImage}`, showTry],
  ['page-dark.png', desktopDark, `try/${testImage}`, showTry],
  ['page-explore.png', desktopLight, 'explore', showExplore],
];
if (photo !== undefined) {
  pictures.push(['page-picture.png', desktopLight, `try/${testImage}`, showPhoto]);
  pictures.push(['page-camera.png', desktopLight, `try/${testImage}`, showCamera]);
}

const folder = await mkdtemp(join(tmpdir(), 'catwalk-screenshots-'));
// A video of one frame, which Chromium repeats.
const video = join(folder, 'photo.mjpeg');
if (photo !== undefined) await copyFile(photo, video);
const browser = await launch(photo ? { cameraFile: video } : {});
for (const [file, { viewport, colorScheme }, view, show] of own === undefined
  ? pictures
  : ownPictures) {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    reducedMotion: 'reduce',
    permissions: ['camera'],
  });
  const page = await context.newPage();
  await page.goto(`${url}/#/${view}`);
  await show(page);
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(0, 0);
  await page.evaluate(() => (document.activeElement as HTMLElement)?.blur());
  await page.screenshot({ path: join(docs, file) });
  console.log(`docs/${file}`);
  await context.close();
}
await browser.close();
await rm(folder, { recursive: true });
