-- What is said of an execution: from the daemon's answers to lines of text with highlights.
--
-- Pure: it draws nothing.

local M = {}

local function null(value)
  return value ~= vim.NIL and value or nil
end

--- The lines of a text, without empty ones at its end; what a carriage return overwrote is left out.
function M.split(text)
  local lines = vim.split((text or ""):gsub("\r\n", "\n"), "\n", { plain = true })
  for at, line in ipairs(lines) do
    lines[at] = line:gsub("^.*\r(.)", "%1"):gsub("\r$", ""):gsub("\t", "    "):gsub("%c%[[%d;]*m", "")
  end
  while #lines > 0 and vim.trim(lines[#lines]) == "" do
    table.remove(lines)
  end
  return lines
end

function M.duration(milliseconds)
  if milliseconds < 1000 then
    return ("%d ms"):format(milliseconds)
  end
  return ("%.1f s"):format(milliseconds / 1000)
end

local function as_text(value)
  value = null(value)
  return type(value) == "string" and value or (value ~= nil and vim.fn.json_encode(value) or nil)
end

-- Blocks of a cell's result: { highlight, lines }.
local function blocks_of_cell(result)
  local blocks = {}
  local function add(highlight, text)
    local lines = M.split(text)
    if #lines > 0 then
      table.insert(blocks, { highlight, lines })
    end
  end
  add("TinycodeOutput", result.output)
  add("TinycodeStderr", result.stderr)
  for _, display in ipairs(result.display or {}) do
    local kinds = vim.tbl_keys(display)
    table.sort(kinds)
    add("TinycodeInfo", "[" .. table.concat(kinds, ", ") .. "]")
  end
  return blocks
end

-- Columns of a sentence, so that it can be read in a window of 80 columns, with signs.
local MEASURE = 76

-- The lines, broken between words where they are wider than that.
local function wrap(lines, width)
  local wrapped = {}
  for _, line in ipairs(lines) do
    local row = ""
    for word in line:gmatch("%s*%S+") do
      if row ~= "" and vim.fn.strdisplaywidth(row .. word) > width then
        table.insert(wrapped, row)
        row = vim.trim(word)
      else
        row = row .. word
      end
    end
    table.insert(wrapped, row)
  end
  return wrapped
end

-- The lines of a traceback: where it happened, and what the exception says, from the line that names it on.
local function parts(error)
  local lines = M.split(error.traceback)
  local from = #lines
  for at, line in ipairs(lines) do
    local name = line:match("^[^%s:]+") or ""
    if name == error.type or vim.endswith(name, "." .. error.type) then
      from = at
    end
  end
  return vim.list_slice(lines, 1, from - 1), vim.list_slice(lines, from)
end

-- What became of the variables of code that had to be killed, by `state` of its result.
local AFTER = {
  restored = "variables are as before this cell",
  lost = "all variables are lost",
}

-- What went wrong, if something did, in lines: `where` it happened, what it `says`, and what to do, a `hint`. The
-- first that it says is what is said behind the cell, after `mark`.
local function failure(execution)
  local answer = execution.answer
  local result = answer.result
  local error = answer.error or null(result.error)
  if not error then
    return nil
  end
  local failed = { mark = "✗ ", where = {}, says = M.split(error.message), hint = {} }
  if answer.error then
    failed.hint = M.split(null(error.data) and null(error.data.hint))
  elseif execution.kind == "task" then
    failed.hint = M.split(null(error.hint))
  elseif not result.interrupted then
    failed.where, failed.says = parts(error)
  elseif AFTER[result.state] then
    failed.mark, failed.says = "", vim.list_extend({ "interrupted, " .. AFTER[result.state] }, failed.says)
  else -- as it was asked for, which needs no more words
    failed.mark, failed.says = "", { "interrupted" }
  end
  failed.says[1] = failed.says[1] or error.type or ""
  return failed
end

local function failed_line(failed)
  return failed.mark .. failed.says[1]
end

--- One line that says most: { text, highlight } pieces, as virtual text takes them.
function M.headline(execution)
  local history = execution.gone or (execution.undone and "undone") or (execution.stale and "edited since")
  local stale = history and { { " · " .. history, "TinycodeInfo" } } or {}
  local function line(text, highlight, info)
    local first = M.split(text)[1] or ""
    local more = #M.split(text) - 1
    local pieces = { { first, highlight } }
    if more > 0 then
      table.insert(pieces, { (" … +%d"):format(more), "TinycodeInfo" })
    end
    if info then
      table.insert(pieces, { "  " .. info, "TinycodeInfo" })
    end
    return vim.list_extend(pieces, stale)
  end
  if execution.state == "queued" then
    return line("queued", "TinycodeInfo")
  elseif execution.state == "running" then
    local doing = execution.code and "running" or "thinking"
    local step = execution.kind == "task" and ("step %d · %s"):format(#execution.steps, doing) or "running"
    return line(step, "TinycodeRunning")
  end
  local result = execution.answer.result
  local info = result and M.duration(result.duration_ms or result.duration_seconds * 1000)
  local failed = failure(execution)
  if failed then
    return line(failed_line(failed), "TinycodeError", info)
  elseif execution.kind == "task" then
    return line("= " .. result.output, "TinycodeValue", info)
  elseif result.is_final then
    return line("= " .. (as_text(result.final_value) or "None"), "TinycodeValue", info)
  elseif null(result.value) then
    return line("= " .. result.value, "TinycodeValue", info)
  end
  return line("✓ " .. info, "TinycodeInfo")
end

-- What the code printed, below the line: { highlight, lines } blocks.
local function blocks(execution)
  if execution.state == "running" then
    local highlight = execution.kind == "task" and not execution.code and "TinycodeInfo" or "TinycodeOutput"
    return { { highlight, M.split(execution.stream) } }
  elseif execution.state == "done" and execution.kind == "cell" and not execution.answer.error then
    return blocks_of_cell(execution.answer.result)
  end
  return {}
end

-- What was printed when no step ran, below all else. The daemon cannot tell which cell left running what prints it.
local function blocks_of_background(execution)
  local lines = M.split(execution.background)
  return #lines > 0 and { { "TinycodeInfo", { "printed in the background since:" } }, { "TinycodeOutput", lines } } or {}
end

-- What is below the line of what went wrong: all that the line has no room for.
local function blocks_of_failure(execution, room)
  local failed = execution.state == "done" and failure(execution)
  if not failed then
    return {}
  end
  local headed = vim.startswith(failed.where[1] or "", "Traceback ")
  local where = vim.list_slice(failed.where, headed and 2 or 1)
  local fits = vim.fn.strdisplaywidth(failed_line(failed)) <= room.behind
  local width = math.min(MEASURE, room.below)
  return {
    { "TinycodeError", where },
    { "TinycodeError", wrap(vim.list_slice(failed.says, fits and 2 or 1), width) },
    { "TinycodeInfo", wrap(failed.hint, width) },
  }
end

--- The last lines of what is said, as virtual lines take them: at most `max`. `room` is how many columns there are
--- `behind` the last line of the code, and `below` it.
function M.body(execution, max, room)
  local border = { "│ ", "TinycodeBorder" }
  room = { behind = room.behind, below = room.below - vim.fn.strdisplaywidth(border[1]) }
  local all = vim.list_extend(blocks(execution), blocks_of_failure(execution, room))
  local lines = {}
  for _, block in ipairs(vim.list_extend(all, blocks_of_background(execution))) do
    for _, line in ipairs(block[2]) do
      table.insert(lines, { border, { line, block[1] } })
    end
  end
  local hidden = #lines - max
  if hidden <= 0 then
    return lines
  end
  local shown = vim.list_slice(lines, hidden + 1)
  local note = ("┆ %d more %s, :TinycodeOutput"):format(hidden, hidden == 1 and "line" or "lines")
  table.insert(shown, 1, { { note, "TinycodeBorder" } })
  return shown
end

--- All that is known, as { line, highlight } pairs.
function M.full(execution)
  local lines = {}
  local function add_lines(some, highlight)
    for _, line in ipairs(some) do
      table.insert(lines, { line, highlight })
    end
  end
  local function add(text, highlight)
    add_lines(M.split(text), highlight)
  end
  local answer = execution.answer
  if execution.state ~= "done" then
    add(execution.code, "TinycodeInfo")
    add(execution.stream, "TinycodeOutput")
  else
    local result = answer.result or {}
    local failed = failure(execution)
    for _, block in ipairs(blocks(execution)) do
      add_lines(block[2], block[1])
    end
    if failed then
      add_lines(failed.where, "TinycodeError")
      add_lines(failed.says, "TinycodeError")
      add_lines(failed.hint, "TinycodeInfo")
    elseif execution.kind == "task" then
      add(result.output, "TinycodeValue")
    else
      add(as_text(result.is_final and result.final_value or result.value), "TinycodeValue")
    end
    if null(answer.code) then
      table.insert(lines, { "", "TinycodeOutput" })
      add(answer.code, "TinycodeOutput")
    end
  end
  for _, block in ipairs(blocks_of_background(execution)) do
    add_lines(block[2], block[1])
  end
  if #lines == 0 then
    table.insert(lines, { "nothing was printed", "TinycodeInfo" })
  end
  return lines
end

--- Variables in columns, as { line, highlight } pairs.
function M.variables(variables)
  local width = { name = 0, type = 0 }
  for _, variable in ipairs(variables) do
    for column, widest in pairs(width) do
      width[column] = math.max(widest, vim.fn.strdisplaywidth(variable[column]))
    end
  end
  local function padded(variable, column)
    local text = variable[column]
    return text .. (" "):rep(width[column] - vim.fn.strdisplaywidth(text) + 2)
  end
  return vim.tbl_map(function(variable)
    local shown = table.concat(M.split(variable.repr), " ")
    return { padded(variable, "name") .. padded(variable, "type") .. shown, "TinycodeValue" }
  end, variables)
end

return M
