// Formatting of numbers and texts.
//
// JSON.parse rounds integers above 2^53, which byte counters reach in 83 days at 10 Gbit/s. The title of such a number says
// "about"; api/status has all digits.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function formatNumber(value) {
  return value > 0 && value < 9.95 ? String(Number(value.toPrecision(2))) : grouped.format(value);
}

/** Formats an integer. Above 10^13 it is shortened; the title has all digits. */
function formatCount(value) {
  return value < 1e13 ? grouped.format(value) : value.toExponential(3).replace('e+', '×10^');
}

function formatBytes(value) {
  if (value < 1024) return `${formatNumber(value)} B`;
  let unit = -1;
  // A value that would be rounded to 1024.00 is shown in the next unit.
  while (value >= 1023.995 && unit < UNITS.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(2)} ${UNITS[unit]}`;
}

function formatExact(value, unit) {
  if (!Number.isInteger(value)) return `${value.toFixed(2)} ${unit}`;
  return `${Number.isSafeInteger(value) ? '' : 'about '}${grouped.format(value)} ${unit}`;
}

function plural(number, one, many) {
  return `${formatCount(number)} ${number === 1 ? one : many}`;
}

/** Formats an age with the two largest units, as `wgstat status` does. */
function formatAge(seconds) {
  if (seconds <= 0) return 'now';
  if (seconds < 60) return `${seconds}s ago`;
  const whole = (part) => formatCount(Math.floor(part));
  const two = (large, of, little, part) => `${whole(seconds / of)}${large} ${whole(seconds % of / part)}${little} ago`;
  if (seconds < 3600) return two('m', 60, 's', 1);
  return seconds < 86400 ? two('h', 3600, 'm', 60) : two('d', 86400, 'h', 3600);
}

function formatClock(seconds, withSeconds) {
  const two = (number) => String(number).padStart(2, '0');
  const time = new Date(seconds * 1000);
  return [time.getHours(), time.getMinutes(), ...withSeconds ? [time.getSeconds()] : []].map(two).join(':');
}

/** Escapes characters that are invisible or change the direction of text, as the terminal output does. */
function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return c < '\u0080' ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** Makes a sentence of a text that starts in lower case and has no full stop. */
function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
