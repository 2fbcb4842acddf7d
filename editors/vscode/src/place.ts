// Where a cell or a task is, kept right while its document is edited. Pure.

export interface Lines {
  first: number;
  last: number;
}

/** A change of whole lines: those from `start` to `end` have become `count` more, or fewer. */
export interface Change {
  start: number;
  /** Whether it begins behind the first character of its line. */
  inside: boolean;
  end: number;
  /** Whether it ends before the first character of its line. */
  before: boolean;
  added: number;
}

/** Where the lines are after a change; nothing if they have all been deleted. */
export function moved(lines: Lines, change: Change): Lines | undefined {
  const { first, last } = lines;
  const delta = change.added - (change.end - change.start);
  if (change.start > last) {
    return lines;
  }
  const isAbove = change.end < first || (change.end === first && change.before && !(change.inside && change.start === first));
  if (isAbove) {
    return { first: first + delta, last: last + delta };
  }
  const coversAll = change.start < first && change.end > last;
  if (coversAll) {
    return undefined;
  }
  const start = Math.min(first, change.start + (change.start < first ? change.added : 0));
  return { first: start, last: Math.max(start, last + delta) };
}
