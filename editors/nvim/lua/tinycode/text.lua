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

local function error_text(error)
  return error.message ~= "" and (error.type .. ": " .. error.message) or error.type
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
  if null(result.error) and not result.interrupted then
    add("TinycodeError", result.error.traceback)
  end
  return blocks
end

-- A traceback without what the line above it says already.
local function shorter(lines)
  if vim.startswith(lines[1] or "", "Traceback ") then
    return vim.list_slice(lines, 2, #lines - 1)
  end
  return lines
end

--- One line that says most: { text, highlight } pieces, as virtual text takes them.
function M.headline(execution)
  local history = execution.undone and "undone" or (execution.stale and "edited since")
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
  local answer = execution.answer
  if answer.error then
    return line("✗ " .. answer.error.message, "TinycodeError")
  end
  local result = answer.result
  if execution.kind == "task" then
    local info = M.duration(result.duration_seconds * 1000)
    if null(result.error) then
      return line("✗ " .. result.error.message, "TinycodeError", info)
    end
    return line("= " .. result.output, "TinycodeValue", info)
  end
  local info = M.duration(result.duration_ms)
  if result.interrupted then
    return line("interrupted", "TinycodeError", info)
  elseif null(result.error) then
    return line("✗ " .. error_text(result.error), "TinycodeError", info)
  elseif result.is_final then
    return line("= " .. (as_text(result.final_value) or "None"), "TinycodeValue", info)
  elseif null(result.value) then
    return line("= " .. result.value, "TinycodeValue", info)
  end
  return line("✓ " .. info, "TinycodeInfo")
end

-- What is below the line: { highlight, lines } blocks.
local function blocks(execution)
  if execution.state == "running" then
    local highlight = execution.kind == "task" and not execution.code and "TinycodeInfo" or "TinycodeOutput"
    return { { highlight, M.split(execution.stream) } }
  elseif execution.state ~= "done" or execution.answer.error then
    return {}
  elseif execution.kind == "cell" then
    return blocks_of_cell(execution.answer.result)
  end
  return {}
end

--- The last lines of what is said, as virtual lines take them: at most `max`.
function M.body(execution, max)
  local lines = {}
  for _, block in ipairs(blocks(execution)) do
    for _, line in ipairs(block[1] == "TinycodeError" and shorter(block[2]) or block[2]) do
      table.insert(lines, { { "│ ", "TinycodeBorder" }, { line, block[1] } })
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
  local function add(text, highlight)
    for _, line in ipairs(M.split(text)) do
      table.insert(lines, { line, highlight })
    end
  end
  local answer = execution.answer
  if execution.state ~= "done" then
    add(execution.code, "TinycodeInfo")
    add(execution.stream, "TinycodeOutput")
  elseif answer.error then
    add(answer.error.message, "TinycodeError")
    add(null(answer.error.data) and null(answer.error.data.hint), "TinycodeInfo")
  elseif execution.kind == "task" then
    local result = answer.result
    local failed = null(result.error)
    add(failed and failed.message or result.output, failed and "TinycodeError" or "TinycodeValue")
    add(failed and null(failed.hint), "TinycodeInfo")
    if null(answer.code) then
      table.insert(lines, { "", "TinycodeOutput" })
      add(answer.code, "TinycodeOutput")
    end
  else
    for _, block in ipairs(blocks_of_cell(answer.result)) do
      for _, line in ipairs(block[2]) do
        table.insert(lines, { line, block[1] })
      end
    end
    add(as_text(answer.result.is_final and answer.result.final_value or answer.result.value), "TinycodeValue")
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
