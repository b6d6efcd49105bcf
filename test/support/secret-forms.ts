import { createHash } from 'node:crypto';

/** The length of a part of a secret that counts as a leak: it occurs by chance once in 10^18 times. */
const piece = 12;

/**
 * @param secrets random ones, longer than 12 characters
 * @returns a function that names the secrets of which a text holds a part, plain, reversed in case, as URL, hexadecimal or base64, or a hash
 */
export function secretFinder(secrets: Record<string, string>) {
  const needles = Object.entries(secrets).flatMap(([name, secret]) =>
    Array.from(formsOf(secret), (needle) => [name, needle] as const),
  );
  return (text: string): string[] => [
    ...new Set(needles.filter(([, needle]) => text.includes(needle)).map(([name]) => name)),
  ];
}

function formsOf(secret: string): Set<string> {
  const hash = createHash('sha256').update(secret);
  const digest = hash.digest();
  const whole = [
    encodeURIComponent(secret),
    Buffer.from(secret).toString('hex'),
    digest.toString('hex'),
    digest.toString('base64').replace(/=+$/, ''),
    // Base64 depends on how many bytes were before; the characters at the seams on what is around.
    ...[0, 1, 2].map((before) =>
      Buffer.from(`${'-'.repeat(before)}${secret}`)
        .toString('base64')
        .slice(4)
        .replace(/..=*$/, ''),
    ),
  ];
  const forms = new Set<string>();
  for (const text of [secret, secret.toLowerCase(), secret.toUpperCase(), ...whole]) {
    for (let start = 0; start + piece <= text.length; start++) {
      forms.add(text.slice(start, start + piece));
    }
  }
  return forms;
}
