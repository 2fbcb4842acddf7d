-- Draws executions: a sign where a cell or task begins, virtual text and lines where it ends.

local config = require("tinycode.config")
local text = require("tinycode.text")

local M = {}

local namespace = vim.api.nvim_create_namespace("tinycode")

-- Milliseconds between two drawings of what runs.
local PAUSE = 60

local HIGHLIGHTS = {
  TinycodeValue = "String",
  TinycodeOutput = "Normal",
  TinycodeStderr = "WarningMsg",
  TinycodeError = "DiagnosticError",
  TinycodeRunning = "DiagnosticInfo",
  TinycodeInfo = "Comment",
  TinycodeBorder = "NonText",
  TinycodeSignQueued = "Comment",
  TinycodeSignRunning = "DiagnosticInfo",
  TinycodeSignOk = "String",
  TinycodeSignFailed = "DiagnosticError",
  TinycodeSignStale = "Comment",
}

--- Links our highlights to those of the user's colours, unless they have been set.
function M.highlights()
  for name, link in pairs(HIGHLIGHTS) do
    vim.cmd(("highlight default link %s %s"):format(name, link))
  end
end

-- The execution whose first line a mark is on, by buffer and mark.
local heads = {}

local watched = {}

--- Calls `changed` when the text of a buffer has.
function M.watch(bufnr, changed)
  if watched[bufnr] then
    return
  end
  watched[bufnr] = true
  vim.api.nvim_create_autocmd({ "TextChanged", "TextChangedI" }, {
    buffer = bufnr,
    callback = function()
      changed(bufnr)
    end,
  })
end

local function row_of(execution, mark)
  if not mark or not vim.api.nvim_buf_is_loaded(execution.bufnr) then
    return nil
  end
  return vim.api.nvim_buf_get_extmark_by_id(execution.bufnr, namespace, mark, {})[1]
end

--- The first and the last line that an execution belongs to, from 0.
function M.lines(execution)
  local first, last = row_of(execution, execution.head), row_of(execution, execution.tail)
  if first and last then
    return first, last
  end
end

local function source(execution)
  local first, last = M.lines(execution)
  return first and vim.api.nvim_buf_get_lines(execution.bufnr, first, last + 1, false)
end

--- Puts an execution where the daemon says that it is.
function M.place(execution, first, last)
  local count = vim.api.nvim_buf_line_count(execution.bufnr)
  first, last = math.min(first, count - 1), math.min(last, count - 1)
  execution.head = vim.api.nvim_buf_set_extmark(execution.bufnr, namespace, first, 0, { id = execution.head })
  execution.tail = vim.api.nvim_buf_set_extmark(execution.bufnr, namespace, last, 0, { id = execution.tail })
  execution.source = source(execution)
  heads[execution.bufnr] = heads[execution.bufnr] or {}
  heads[execution.bufnr][execution.head] = execution
end

--- The executions that begin on the line where this one does, itself among them.
function M.beside(execution)
  local row = row_of(execution, execution.head)
  local beside = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(execution.bufnr, namespace, { row, 0 }, { row, -1 }, {})) do
    local other = heads[execution.bufnr][mark[1]]
    if other then -- the mark is not that of a last line
      table.insert(beside, other)
    end
  end
  return beside
end

--- Whether all of its lines have been deleted.
function M.is_gone(execution)
  local first, last = M.lines(execution)
  return not first or (first == last and #execution.source > 1)
end

local function sign(execution)
  local signs = config.options.signs
  if execution.state == "queued" then
    return signs.queued, "TinycodeSignQueued"
  elseif execution.state == "running" then
    return signs.running, "TinycodeSignRunning"
  elseif execution.stale or execution.undone or execution.gone then
    return signs.stale, "TinycodeSignStale"
  elseif execution.ok then
    return signs.ok, "TinycodeSignOk"
  end
  return signs.failed, "TinycodeSignFailed"
end

-- Space between a last line and what is said behind it.
local GAP = "  "

-- How many columns there are behind a line, and below it.
local function room(bufnr, row)
  local window = vim.fn.getwininfo(vim.fn.bufwinid(bufnr))[1]
  local width = window and window.width - window.textoff or vim.o.columns
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1]
  return { behind = width - vim.fn.strdisplaywidth(line .. GAP), below = width }
end

--- Draws it as it stands.
function M.draw(execution)
  local first, last = M.lines(execution)
  if not first then
    return
  end
  local character, highlight = sign(execution)
  vim.api.nvim_buf_set_extmark(execution.bufnr, namespace, first, 0, {
    id = execution.head,
    sign_text = character,
    sign_hl_group = highlight,
    priority = 20,
  })
  local headline = text.headline(execution)
  table.insert(headline, 1, { GAP, "TinycodeInfo" })
  vim.api.nvim_buf_set_extmark(execution.bufnr, namespace, last, 0, {
    id = execution.tail,
    virt_text = headline,
    virt_text_pos = "eol",
    virt_lines = text.body(execution, config.options.max_lines, room(execution.bufnr, last)),
    hl_mode = "combine",
  })
end

--- Draws it within a moment: what comes in many small pieces is not drawn for each.
function M.draw_soon(execution)
  if execution.drawing then
    return
  end
  execution.drawing = true
  vim.defer_fn(function()
    execution.drawing = false
    if execution.head then
      M.draw(execution)
    end
  end, PAUSE)
end

--- Looks whether it was edited, and draws it if that is news.
function M.check(execution)
  local stale = not vim.deep_equal(source(execution), execution.source)
  if stale ~= (execution.stale or false) then
    execution.stale = stale
    M.draw(execution)
  end
end

--- Takes it off the screen.
function M.erase(execution)
  if vim.api.nvim_buf_is_loaded(execution.bufnr) then
    for _, mark in ipairs({ execution.head, execution.tail }) do
      vim.api.nvim_buf_del_extmark(execution.bufnr, namespace, mark)
    end
  end
  if execution.head then
    heads[execution.bufnr][execution.head] = nil
  end
  execution.head, execution.tail = nil, nil
end

return M
