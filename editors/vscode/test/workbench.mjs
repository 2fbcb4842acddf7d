// The workbench as a user sees it: what is drawn, and what can be clicked. Nothing sleeps; what is to be seen is waited for.

import { basename, join } from "node:path";

import { chromium } from "playwright-core";

/** Milliseconds after which what is waited for will not come. */
const DEADLINE = 60_000;

/** Width of the pictures of some lines, which a walkthrough shows at about their own size. */
const PICTURE_WIDTH = 500;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export class Workbench {
  /** Opens a folder. */
  static async open({ url, folder, browser, screenshots, viewport }) {
    const running = await chromium.launch({ executablePath: browser, headless: true, args: FLAGS });
    const page = await running.newPage({ viewport, deviceScaleFactor: 2 });
    page.setDefaultTimeout(DEADLINE);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`${url}/?folder=${encodeURIComponent(folder)}`);
    await page.locator(".monaco-workbench .explorer-folders-view").waitFor();
    return Object.assign(new Workbench(), { browser: running, page, screenshots, shots: 0 });
  }

  /** Opens a file of the folder, and waits until a text is seen in it. */
  async openFile(name, text) {
    await this.page.locator(`.explorer-folders-view .monaco-list-row[aria-label^="${name}"]`).dblclick();
    await this.page.locator(".view-lines", { hasText: text }).first().waitFor();
  }

  /** Clicks one of the lenses of a title. */
  async clickLens(title, number) {
    await this.page.locator(".codelens-decoration a", { hasText: title }).nth(number).click();
  }

  /** Waits until there are lenses of this title, up to one of this number. */
  async lens(title, number = 0) {
    await this.page.locator(".codelens-decoration a", { hasText: title }).nth(number).waitFor();
  }

  /** Waits until what is said behind a line of the editor matches. */
  async said(pattern) {
    const find = ([source]) => {
      const spans = [...document.querySelectorAll(".view-lines .view-line span")];
      const texts = spans.map((span) => getComputedStyle(span, "::after").content);
      return texts.find((text) => new RegExp(source).test(text));
    };
    const found = await this.page.waitForFunction(find, [pattern.source]);
    return found.jsonValue();
  }

  /** Waits until that is said behind the line of a text. */
  async saidBehind(line, pattern) {
    const find = ([text, source]) => {
      const lines = [...document.querySelectorAll(".view-lines .view-line")];
      const spans = lines.filter((found) => found.textContent.includes(text)).flatMap((found) => [...found.querySelectorAll("span")]);
      return spans.some((span) => new RegExp(source).test(getComputedStyle(span, "::after").content));
    };
    // The editor draws spaces as others.
    await this.page.waitForFunction(find, [line.replaceAll(" ", "\u00a0"), pattern.source]);
  }

  /** Runs a command of the palette. */
  async command(title) {
    await this.page.keyboard.press("F1");
    await this.page.locator(".quick-input-widget input.input").fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
  }

  /** Answers the input box that asks. */
  async answer(text) {
    const input = this.page.locator(".quick-input-widget input.input");
    await input.waitFor();
    await input.fill(text);
    await input.press("Enter");
  }

  /** Opens the window anew. */
  async reload() {
    await this.page.reload();
    await this.page.locator(".monaco-workbench .view-lines").first().waitFor();
  }

  /** Closes the editor that is open. */
  async closeEditor() {
    await this.page.locator(".tab.active .codicon-close").click();
  }

  /** Waits for a notification that says a text. */
  async notification(text) {
    const toast = this.page.locator(".notification-toast", { hasText: text });
    await toast.first().waitFor();
    return toast.first();
  }

  async clearNotifications() {
    await this.command("Notifications: Clear All Notifications");
    await this.page.locator(".notification-toast").first().waitFor({ state: "hidden" });
  }

  /** Chooses a file in the dialog that asks for one. */
  async chooseFile(path, button) {
    const dialog = this.page.locator(".quick-input-widget");
    const ok = dialog.getByRole("button", { name: button });
    const row = (name) => dialog.locator(".monaco-list-row", { has: this.page.getByText(name, { exact: true }) });
    await ok.waitFor();
    await row("..").waitFor(); // it looks into the folder that it begins in
    await dialog.locator("input.input").fill(path);
    await row(basename(path)).waitFor(); // and now into that of the file
    await ok.click();
  }

  /** Opens a view of the activity bar. */
  async openView(name) {
    await this.page.locator(`.activitybar .action-label[aria-label^="${name}"]`).click();
  }

  /** Waits until the status bar says a text. */
  async status(text) {
    await this.page.locator("[id='tinycode.tinycode.status'], [id$='tinycode.status']", { hasText: text }).first().waitFor();
  }

  async clickStatus() {
    await this.page.locator("[id$='tinycode.status'] a").click();
  }

  /** Puts the cursor into the line that says a text. */
  async putCursor(text) {
    await this.page.locator(".view-lines .view-line", { hasText: text }).first().click();
  }

  /** The row of a view in the side bar that says a text. */
  row(view, text) {
    const pane = this.page.locator(".pane", { has: this.page.locator(".pane-header", { hasText: view }) });
    return pane.locator(".monaco-list-row", { has: this.page.locator(".label-name", { hasText: text }) });
  }

  /** Waits until the clipboard holds a text. */
  async copied(text) {
    await this.page.waitForFunction(async (wanted) => (await navigator.clipboard.readText()) === wanted, text);
  }

  /** One of the groups of editors, which stand side by side. */
  group(number) {
    return this.page.locator(".editor-group-container").nth(number);
  }

  /** The page within the output panel. */
  webview() {
    return this.page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame");
  }

  async shot(name) {
    this.shots += 1;
    await this.page.screenshot({ path: join(this.screenshots, `${String(this.shots).padStart(2, "0")}-${name}.png`) });
  }

  /** Changes the theme to one of VS Code's own. */
  async theme(name) {
    await this.command("Preferences: Color Theme");
    await this.answer(name);
    await this.page.locator(`.monaco-workbench.${name.startsWith("Light") ? "vs" : "vs-dark"}`).waitFor();
  }

  /** A picture without the pointer over anything. */
  async picture(path, clip) {
    await this.page.mouse.move(0, 0);
    await this.page.screenshot({ path, clip, animations: "disabled" }); // colours change slowly
  }

  /** A picture of the editor from the lenses of one line to another, as wide as all of them are. */
  async pictureOfLines(path, first, last) {
    const box = (text) => this.page.locator(".view-lines .view-line", { hasText: text }).first().boundingBox();
    const [from, to] = [await box(first), await box(last)];
    const editor = await this.page.locator(".editor-instance").first().boundingBox();
    const y = from.y - 15; // its lenses
    await this.picture(path, { x: editor.x, y, width: PICTURE_WIDTH, height: to.y + to.height + 1 - y });
  }

  async close() {
    await this.browser.close();
  }
}
