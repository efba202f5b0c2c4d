import { defineConfig } from "vite";

// Names carry a hash: the server lets browsers keep everything below /static for ever.
export default defineConfig({
  base: "/static/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: "[name]-[hash].js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: "[name]-[hash][extname]",
      },
    },
  },
  server: { proxy: { "/api": { target: process.env["MIDWIRE_URL"] ?? "http://127.0.0.1:8081", ws: true } } },
});
