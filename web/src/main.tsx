/** Starts the page: the link to midwire, the stores, the view. */
import { render } from "preact";
import { api, ApiError, whenSignedOut } from "./api/client";
import { start } from "./api/live";
import type { ServerMessage } from "./api/types";
import { App } from "./app";
import { changed, gone, rewatch, startFlowStore } from "./state/flow";
import { receive, sendView } from "./state/list";
import { addEvents, optionsChanged, readAll, refreshState, signedOut } from "./state/session";
import { receiveSearch } from "./views/search";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/list.css";
import "./styles/detail.css";
import "./styles/pages.css";

function onMessage(message: ServerMessage): void {
  switch (message.type) {
    case "flow":
      return changed(message.id);
    case "gone":
      return gone(message.id);
    case "events":
      return addEvents(message.events);
    case "state":
      return refreshState();
    case "options":
      return optionsChanged(message.changed);
    case "search":
      return receiveSearch(message);
    default:
      return receive(message);
  }
}

whenSignedOut(() => (signedOut.value = true));
startFlowStore();
start(
  onMessage,
  () => {
    sendView();
    readAll();
    rewatch();
  },
  // A refused WebSocket does not say why; an ordinary request does.
  () => void api.state().catch((error: unknown) => { if (!(error instanceof ApiError)) throw error; }),
);
const root = document.getElementById("app");
if (root) render(<App />, root);
