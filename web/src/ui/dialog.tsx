/** Modal dialogs and menus: focus goes in and comes back, Esc closes the innermost. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { close, menu } from "../state/dialogs";
import { Button, Kbd } from "./controls";

export function Dialog({ title, wide, children, footer, onClose = close }: { title: string; wide?: boolean; children: ComponentChildren; footer?: ComponentChildren; onClose?: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const box = ref.current;
    const before = document.activeElement;
    box?.showModal();
    box?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? "dialog wide" : "dialog"} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === ref.current) onClose(); }}>
      <div class="dialog-box">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button icon="close" label="Close" tone="quiet" onClick={onClose} />
        </header>
        <div class="dialog-body">{children}</div>
        {footer && <footer class="dialog-foot">{footer}</footer>}
      </div>
    </dialog>
  );
}

/** The menu that is open, if any. */
export function MenuLayer() {
  const open = menu.value;
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const box = ref.current;
    const before = document.activeElement;
    if (box) {
      const area = box.getBoundingClientRect();
      box.style.left = `${Math.max(4, Math.min(open.x, innerWidth - area.width - 4))}px`;
      box.style.top = `${Math.max(4, Math.min(open.y, innerHeight - area.height - 4))}px`;
      box.querySelector<HTMLElement>('[role="menuitem"]:not(:disabled)')?.focus();
    }
    const away = (event: PointerEvent) => {
      if (!box?.contains(event.target as Node)) menu.value = null;
    };
    document.addEventListener("pointerdown", away, true);
    return () => {
      document.removeEventListener("pointerdown", away, true);
      if (before instanceof HTMLElement && before.isConnected && (document.activeElement === document.body || box?.contains(document.activeElement))) before.focus({ preventScroll: true });
    };
  }, [open]);
  if (!open) return null;
  const move = (event: KeyboardEvent) => {
    const items = [...(ref.current?.querySelectorAll<HTMLElement>('[role="menuitem"]:not(:disabled)') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") menu.value = null;
    else if (next === undefined) {
      if (event.key === "Enter" || event.key === " ") event.stopPropagation();
      return;
    } else items[next % items.length]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={ref} class="menu" role="menu" aria-label={open.label} onKeyDown={move}>
      {open.items.map((item) => (
        <>
          {item.separator && <div class="menu-line" role="separator" />}
          <button type="button" role="menuitem" tabIndex={-1} disabled={item.disabled} onClick={() => { menu.value = null; item.run(); }}>
            <span>{item.title}</span>
            {item.keys && <Kbd name={item.keys} />}
          </button>
        </>
      ))}
    </div>
  );
}
