// What the relying parties here share: their settings, and a browser to send people off with.
//
// Settings come as JSON on standard input, the case to run as the first argument. A case gives back
// what it learnt, which is printed as JSON for the test to judge; one that throws has failed.
import { text } from 'node:stream/consumers';

export const settings = JSON.parse(await text(process.stdin));

/**
 * Opens a page and signs in there, as a person would who presses the button with that address.
 * @param {string|URL} url where to begin
 * @param {{as?: string, deny?: boolean}} how who to be; nobody: whatever asks is an error
 * @returns {Promise<Request>} the request with which the browser comes back
 */
export async function browse(url, how = {}) {
  const answer = await fetch(settings.browser, { method: 'POST', body: JSON.stringify({ url: String(url), ...how }) });
  if (!answer.ok) throw new Error(`browser: ${await answer.text()}`);
  const { url: back, form } = await answer.json();
  return form ? new Request(back, { method: 'POST', body: new URLSearchParams(form) }) : new Request(back);
}

/** Runs what must fail and gives what it failed with, in the words of the protocol. */
export async function refused(attempt) {
  try {
    await attempt();
  } catch (e) {
    const said = e.error ?? e.cause?.error;
    // Where a header names the scheme that is wanted, the library leaves the body unread.
    return said ?? (await e.response?.json().catch(() => undefined))?.error ?? e.code ?? e.message;
  }
  throw new Error('this should have been refused');
}

/** Runs the case that the command line names. */
export async function run(cases) {
  const found = cases[process.argv[2]];
  if (!found) throw new Error(`no case ${process.argv[2]}; there are ${Object.keys(cases)}`);
  console.log(JSON.stringify(await found()));
}
