/** Header values that hold a structure: cookies, tokens, policies. */

/** Name and value of each part, or `null` where there is nothing to take apart. */
export function decoded(name: string, value: string): [string, string][] | null {
  switch (name.toLowerCase()) {
    case "cookie":
      return pairs(value, ";");
    case "set-cookie":
      return pairs(value, ";");
    case "cache-control":
      return value.includes(",") || value.includes("=") ? pairs(value, ",").map(([key, text]) => [key, seconds(key, text)]) : null;
    case "content-security-policy":
    case "content-security-policy-report-only":
      return value.split(";").map((part) => part.trim()).filter(Boolean).map((part) => {
        const at = part.indexOf(" ");
        return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
      });
    case "authorization":
    case "proxy-authorization":
      return authorization(value);
    default:
      return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(value) ? jwt(value) : null;
  }
}

function pairs(value: string, separator: string): [string, string][] {
  return value.split(separator).map((part) => part.trim()).filter(Boolean).map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at).trim(), percent(part.slice(at + 1).trim())];
  });
}

function percent(text: string): string {
  if (!/%[0-9a-f]{2}/i.test(text)) return text;
  try {
    return `${text}  =  ${decodeURIComponent(text)}`;
  } catch {
    return text;
  }
}

function seconds(key: string, text: string): string {
  const n = Number(text);
  if (!/age|revalidate|stale/.test(key) || !Number.isFinite(n) || n < 120) return text;
  return n < 172_800 ? `${text}  =  ${(n / 3600).toFixed(1)} h` : `${text}  =  ${(n / 86_400).toFixed(1)} days`;
}

function authorization(value: string): [string, string][] | null {
  const [scheme = "", rest = ""] = value.split(/\s+(.*)/s);
  if (/^basic$/i.test(scheme)) {
    const text = base64(rest);
    if (text === null) return null;
    const at = text.indexOf(":");
    return [["scheme", "Basic"], ["user", at < 0 ? text : text.slice(0, at)], ["password", at < 0 ? "" : text.slice(at + 1)]];
  }
  return jwt(rest);
}

function base64(text: string): string | null {
  try {
    const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(raw, (c) => c.charCodeAt(0)));
  } catch {
    return null;
  }
}

/** Header and claims of a token, with times as dates. The signature is not checked. */
export function jwt(token: string): [string, string][] | null {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  const out: [string, string][] = [];
  for (const part of parts.slice(0, 2)) {
    const text = base64(part);
    if (text === null) return null;
    try {
      const object: unknown = JSON.parse(text);
      if (typeof object !== "object" || object === null) return null;
      for (const [key, value] of Object.entries(object)) out.push([key, claim(key, value)]);
    } catch {
      return null;
    }
  }
  return [...out, ["signature", "not checked"]];
}

function claim(key: string, value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (!["exp", "iat", "nbf", "auth_time"].includes(key) || typeof value !== "number") return text;
  const late = key === "exp" && value * 1000 < Date.now() ? ", expired" : "";
  return `${text}  =  ${new Date(value * 1000).toISOString().replace(".000Z", "Z")}${late}`;
}
