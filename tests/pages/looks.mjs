// What is measured inside a page. Handed to Chromium as it stands, so it uses nothing from outside itself.

/** All that is wrong with how the page looks right now, a sentence each. */
export function faults() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`it is ${root.scrollWidth} px wide`);

  const parts = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = (upper, share, lower) => upper.map((value, at) => value * share + lower[at] * (1 - share));
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  // From the root inwards: what lies behind the text, and how much of the text is seen.
  const painted = (element) => {
    const above = [];
    for (let at = element; at; at = at.parentElement) above.unshift(getComputedStyle(at));
    let behind = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
    let seen = 1;
    for (const style of above) {
      seen *= Number(style.opacity);
      const { channels, alpha } = parts(style.backgroundColor);
      behind = over(channels, alpha * seen, behind);
    }
    const { channels, alpha } = parts(getComputedStyle(element).color);
    return [over(channels, alpha * seen, behind), behind];
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.data.trim().slice(0, 40);
    if (!words || !element.checkVisibility()) continue;
    const [ink, paper] = painted(element).map(luminance);
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)} of “${words}”`);
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < 13) found.push(`${size} px small: “${words}”`);
  }
  for (const button of document.querySelectorAll('button')) {
    const { height } = button.getBoundingClientRect();
    if (height < 44) found.push(`${height} px are few for a thumb: “${button.textContent}”`);
  }
  return found;
}
