// `console` for plugins: lines on standard output and standard error, which the host keeps in the log.
import { getStdout } from "wasi:cli/stdout@0.2.12";
import { getStderr } from "wasi:cli/stderr@0.2.12";

// A stream takes no more at once.
const PIECE = 4096;

function shown(value) {
  if (typeof value === "string") {
    return value;
  }
  if (value instanceof Error) {
    return `${value}\n${value.stack}`.trimEnd();
  }
  try {
    const json = JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner));
    return json ?? String(value);
  } catch {
    return String(value);
  }
}

function utf8(text) {
  const bytes = unescape(encodeURIComponent(text.toWellFormed()));
  return Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
}

function writer(open) {
  return (...values) => {
    const bytes = utf8(`${values.map(shown).join(" ")}\n`);
    const stream = open();
    for (let at = 0; at < bytes.length; at += PIECE) {
      stream.blockingWriteAndFlush(bytes.slice(at, at + PIECE));
    }
  };
}

const out = writer(getStdout);
const err = writer(getStderr);
globalThis.console = { debug: out, log: out, info: out, warn: err, error: err };
