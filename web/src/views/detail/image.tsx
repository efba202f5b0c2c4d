/** A picture on a checkerboard, with zoom. Only raster types the server knows; never SVG as a document. */
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Content, Flow, Part } from "../../api/types";
import { Button, Note } from "../../ui/controls";

export function ImageView({ flow, part, content, version }: { flow: Flow; part: Part; content: Content; version: number }) {
  const [zoom, setZoom] = useState(0);
  const [box, setBox] = useState<{ w: number; h: number } | null>(null);
  const [bad, setBad] = useState(false);
  if (bad) return <Note>The browser cannot decode this picture. Choose "hex dump" or another view to see the bytes.</Note>;
  const scale = zoom === 0 ? undefined : { width: `${(box?.w ?? 100) * zoom}px`, maxWidth: "none", maxHeight: "none", imageRendering: zoom > 1 ? ("pixelated" as const) : undefined };
  return (
    <div class="image-view">
      <div class="image-bar data dim">
        <span>{box ? `${box.w} × ${box.h}` : ""} {content.content_type}</span>
        <span class="push segments" role="group" aria-label="Zoom">
          {[0, 0.5, 1, 2, 4].map((factor) => <Button tone="quiet" pressed={zoom === factor} onClick={() => setZoom(factor)}>{factor === 0 ? "fit" : `${factor * 100} %`}</Button>)}
        </span>
      </div>
      <div class="checkerboard" tabIndex={0} role="group" aria-label="Picture">
        <img src={api.imageUrl(flow.id, part, String(version))} alt={`Picture of ${flow.path.split("?")[0] ?? ""}`} style={scale} onLoad={(event) => setBox({ w: event.currentTarget.naturalWidth, h: event.currentTarget.naturalHeight })} onError={() => setBad(true)} />
      </div>
    </div>
  );
}
