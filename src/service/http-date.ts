/**
 * Dates in HTTP headers: the three forms of RFC 9110, section 5.6.7, all of them in GMT, and nothing else.
 *
 * `Date.parse` takes much more, and reads what names no zone in the machine's own: two honest machines then disagree on the answer to
 * one request, and a reader would take its server for a liar. RFC 9110, 13.1.3: a date that is none of these is ignored.
 */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const month = `(?<month>${months.join('|')})`;
const time = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const shortDay = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';
const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(String.raw`^${shortDay}, (?<day>\d\d) ${month} (?<year>\d{4}) ${time} GMT$`),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(String.raw`^${longDay}, (?<day>\d\d)-${month}-(?<year>\d\d) ${time} GMT$`),
  // Sun Nov  6 08:49:37 1994
  new RegExp(String.raw`^${shortDay} ${month} (?<day>[ \d]\d) ${time} (?<year>\d{4})$`),
];
/**
 * Years of two digits from here on are of the last century. The RFC asks for "the most recent year in the past", which would make the
 * answer depend on the clock.
 */
const firstShortYear = 70;

/** Milliseconds since 1970, or null when it is no such date. */
export function readHttpDate(text: string): number | null {
  const found = forms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return null;
  const number = (name: string): number => Number(found[name]);
  const year = number('year');
  const fullYear = found['year']?.length === 4 ? year : year + (year < firstShortYear ? 2000 : 1900);
  const [monthIndex, day] = [months.indexOf(found['month'] ?? ''), number('day')];
  const date = new Date(0);
  date.setUTCFullYear(fullYear, monthIndex, day);
  if (date.getUTCMonth() !== monthIndex || date.getUTCDate() !== day) return null;
  if (number('hour') > 23 || number('minute') > 59 || number('second') > 60) return null;
  return date.getTime() + ((number('hour') * 60 + number('minute')) * 60 + number('second')) * 1000;
}
