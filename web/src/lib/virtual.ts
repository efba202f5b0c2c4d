/** Arithmetic of a list of which only the visible part is in the page. */

/** Browsers stop laying out somewhere above this; beyond it scrolling is scaled. */
export const MAX_HEIGHT = 8_000_000;

export interface Slice {
  /** First row that is in the page. */
  first: number;
  /** One past the last row that is in the page. */
  end: number;
  /** Where row `first` stands, in pixels from the top of the scrolled content. */
  top: number;
  /** Height of the scrolled content. */
  height: number;
}

export function contentHeight(total: number, rowHeight: number): number {
  return Math.min(MAX_HEIGHT, total * rowHeight);
}

/** Which rows belong in the page at this scroll position. */
export function slice(scrollTop: number, viewport: number, rowHeight: number, total: number, overscan = 6): Slice {
  const height = contentHeight(total, rowHeight);
  if (total === 0 || rowHeight <= 0) return { first: 0, end: 0, top: 0, height };
  const real = total * rowHeight;
  const at = Math.max(0, Math.min(scrollTop, height));
  const scaled = real > height && height > viewport ? (at / (height - viewport)) * (real - viewport) : at;
  const visible = Math.ceil(viewport / rowHeight);
  const firstVisible = Math.min(Math.floor(scaled / rowHeight), Math.max(0, total - 1));
  const first = Math.max(0, firstVisible - overscan);
  const end = Math.min(total, firstVisible + visible + 1 + overscan);
  const top = real > height ? at - (scaled - first * rowHeight) : first * rowHeight;
  return { first, end, top, height };
}

/** The scroll position that shows a row, or `null` if it is shown already. */
export function reveal(index: number, scrollTop: number, viewport: number, rowHeight: number, total: number): number | null {
  const real = total * rowHeight;
  const height = contentHeight(total, rowHeight);
  const scale = real > height && real > viewport ? (height - viewport) / (real - viewport) : 1;
  const now = scrollTop / scale;
  const start = index * rowHeight;
  if (start < now) return Math.max(0, start * scale);
  if (start + rowHeight > now + viewport) return Math.max(0, (start + rowHeight - viewport) * scale);
  return null;
}

/** The window to ask the server for: the visible rows with room on both sides. */
export function windowFor(first: number, end: number, total: number, max = 300): { offset: number; count: number } {
  const count = Math.min(max, Math.max(1, total || max));
  const middle = Math.floor((first + end) / 2);
  const offset = Math.max(0, Math.min(middle - Math.floor(count / 2), total - count));
  return { offset: Math.max(0, offset), count };
}
