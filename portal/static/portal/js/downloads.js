// Marks what is for the platform of this browser: pages of visitors are the same for all of them. Nothing is hidden.
const said = `${navigator.userAgentData?.platform ?? ""} ${navigator.userAgent}`;
const names = [
  ["Android", "android"],
  ["iPhone", "ios"],
  ["iPad", "ios"],
  ["Windows", "windows"],
  ["mac", "macos"],
  ["Mac", "macos"],
  ["Linux", "linux"],
];
const platform = names.find(([word]) => said.includes(word))?.[1];
for (const badge of document.querySelectorAll(`[data-fits~="${platform}"][hidden]`)) badge.hidden = false;
