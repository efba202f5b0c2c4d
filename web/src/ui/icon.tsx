/** Line icons, drawn here: no font, no file. */
const PATHS = {
  flows: "M3 5h14M3 10h14M3 15h9",
  paused: "M7 4v12M13 4v12",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM13 13l4 4",
  compose: "M4 16l1-4L14 3l3 3-9 9-4 1ZM12 5l3 3",
  rules: "M4 5h5l3 5h4M4 15h5l3-5M14 7.5l2.5 2.5-2.5 2.5",
  stats: "M4 16V9M8.5 16V4M13 16v-5M17 16V7",
  connect: "M7 3v4M13 3v4M5 7h10v3a5 5 0 0 1-10 0V7ZM10 15v3",
  events: "M4 4h12v12H4zM7 8h6M7 11h6M7 14h3",
  options: "M4 6h7M15 6h1M4 14h1M9 14h7M13 4v4M7 12v4",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M10 14.5v.5M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Z",
  settings: "M10 3v14M3 10h14M5 5l10 10M15 5 5 15",
  theme: "M10 3a7 7 0 1 0 0 14V3Z",
  close: "M5 5l10 10M15 5 5 15",
  back: "M12 4l-6 6 6 6",
  down: "M5 8l5 5 5-5",
  right: "M8 5l5 5-5 5",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  copy: "M7 7h9v9H7zM4 13V4h9",
  save: "M10 3v9M6 9l4 4 4-4M4 16h12",
  edit: "M4 16l1-4L14 3l3 3-9 9-4 1Z",
  replay: "M4 10a6 6 0 1 0 2-4.5M4 3v4h4",
  trash: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  play: "M6 4l10 6-10 6V4Z",
  plus: "M10 4v12M4 10h12",
  up: "M5 12l5-5 5 5",
  columns: "M3 4h14v12H3zM8 4v12M13 4v12",
  tree: "M4 4h5M7 4v11h3M7 9h3M11 9h6M11 15h6",
  waterfall: "M3 5h6M7 10h6M11 15h6",
  split: "M3 4h14v12H3zM11 4v12",
  bookmark: "M6 3h8v14l-4-3-4 3z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
