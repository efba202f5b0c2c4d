/** Counts that several stores change. */
import { signal } from "@preact/signals";

export const paused = signal(0);
