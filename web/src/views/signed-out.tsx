/** The sign-in of a page whose cookie ran out. */
import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../ui/controls";

export function SignedOut() {
  const [token, setToken] = useState("");
  const [fault, setFault] = useState("");
  const send = async () => {
    try {
      if (await api.login(token)) location.reload();
      else setFault("That is not the token.");
    } catch {
      setFault("midwire does not answer.");
    }
  };
  return (
    <main class="signed-out">
      <form onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <h1>midwire</h1>
        <p>You are not signed in. The token is printed where midwire was started, in the line that begins with <b>Web server listening at</b>; if <code class="data">web_password</code> is set, it is the token.</p>
        <label class="field"><span>Token or password</span><input class="data" type="password" autocomplete="current-password" autofocus value={token} onInput={(event) => setToken(event.currentTarget.value)} /></label>
        <p class="fault" role="alert">{fault}</p>
        <Button tone="primary" type="submit">Sign in</Button>
      </form>
    </main>
  );
}
