// Runs the end-to-end tests one file after the other.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const files = ["page.test.mjs", "real.test.mjs"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
