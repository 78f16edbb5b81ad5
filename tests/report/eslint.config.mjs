import js from "@eslint/js";

export default [
  js.configs.recommended,
  {
    languageOptions: { sourceType: "script" },
    rules: {
      "no-undef": "off", // TypeScript finds them; it knows the other scripts of the page.
      "no-unused-vars": ["error", { vars: "local" }], // Other scripts use what is global.
      "no-control-regex": "off", // Control characters are looked for on purpose.
      "array-callback-return": "error",
      "consistent-return": "error",
      eqeqeq: "error",
      "no-implicit-coercion": "error",
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      strict: ["error", "global"],
    },
  },
];
