/** Buttons, empty states and other small parts. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { shown as shownKey } from "../lib/keys";
import { copyText } from "../state/export";
import { Icon, type IconName } from "./icon";

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "icon" | "size"> & {
  icon?: IconName;
  /** Only the icon is seen; `label` names it. */
  label?: string;
  tone?: "plain" | "primary" | "danger" | "quiet";
  keys?: string;
  pressed?: boolean;
  children?: ComponentChildren;
};

export function Button({ icon, label, tone = "plain", keys, pressed, children, class: more, ...rest }: ButtonProps) {
  const title = [label, keys ? `(${shownKey(keys)})` : ""].filter(Boolean).join(" ");
  return (
    <button type="button" class={`button ${tone} ${children ? "" : "only-icon"} ${typeof more === "string" ? more : ""}`} title={title || undefined} aria-label={children ? undefined : label} aria-pressed={pressed} {...rest}>
      {icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
}

export function Kbd({ name }: { name: string }) {
  return name ? <kbd>{shownKey(name)}</kbd> : null;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}

/** A line about something that is not as it should be. */
export function Note({ role = "warn", children }: { role?: "warn" | "bad" | "info"; children: ComponentChildren }) {
  return (
    <div class={`note ${role}`} role={role === "bad" ? "alert" : undefined}>
      <span class="note-glyph" aria-hidden="true">{role === "info" ? "i" : "!"}</span>
      <div>{children}</div>
    </div>
  );
}

/** Text to be copied, with its button. */
export function CopyBlock({ text, name }: { text: string; name: string }) {
  return (
    <div class="copy-block">
      <pre tabIndex={0} aria-label={name}>{text}</pre>
      <Button icon="copy" label={`Copy ${name}`} tone="quiet" onClick={() => void copyText(text, name)} />
    </div>
  );
}

/** Two panes with a divider that moves by mouse and by keyboard. */
export function Split({ share, onShare, below, first, second }: { share: number; onShare: (share: number) => void; below: boolean; first: ComponentChildren; second: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const clamp = (value: number) => Math.max(15, Math.min(85, Math.round(value * 10) / 10));
  const drag = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    bar.setPointerCapture(event.pointerId);
    const move = (at: PointerEvent) => {
      const area = box.current?.getBoundingClientRect();
      if (!area) return;
      onShare(clamp(below ? ((at.clientY - area.top) / area.height) * 100 : ((at.clientX - area.left) / area.width) * 100));
    };
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", () => bar.removeEventListener("pointermove", move), { once: true });
  };
  const key = (event: KeyboardEvent) => {
    const by = ({ ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2, Home: -100, End: 100 } as Record<string, number>)[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    onShare(clamp(share + by));
  };
  const style = second === null ? { gridTemplateColumns: "minmax(0,1fr)" } : below ? { gridTemplateRows: `${share}fr 5px ${100 - share}fr` } : { gridTemplateColumns: `minmax(0,${share}fr) 5px minmax(0,${100 - share}fr)` };
  return (
    <div ref={box} class={`split ${below ? "below" : "beside"}`} style={style}>
      <div class="pane">{first}</div>
      {second !== null && <div class="divider" role="separator" tabIndex={0} aria-label="Divider between list and detail" aria-orientation={below ? "horizontal" : "vertical"} aria-valuenow={Math.round(share)} aria-valuemin={15} aria-valuemax={85} onPointerDown={drag} onKeyDown={key} onDblClick={() => onShare(52)} />}
      {second !== null && <div class="pane">{second}</div>}
    </div>
  );
}

/** Seconds since a time, counted on. */
export function Age({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  const age = Math.max(0, Math.floor(now - since));
  return <span class={age >= 10 ? "age late" : "age"}>{age} s</span>;
}

/** Width of an element as it changes. */
export function useWidth<T extends HTMLElement>(): [preact.RefObject<T | null>, number, number] {
  const ref = useRef<T>(null);
  const [box, setBox] = useState<[number, number]>([0, 0]);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const read = () => setBox([element.clientWidth, element.clientHeight]);
    read();
    const watch = new ResizeObserver(read);
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return [ref, box[0], box[1]];
}
