-- What runs and what came of it: kept from what the daemon tells, and drawn as it changes.

local view = require("tinycode.view")

local M = {}

-- Executions by buffer, and client and number: `client:number`. Each client counts its own.
local executions = {}
-- The execution that a step of a session belongs to: `session:step`, as in its own list `steps`.
local of_step = {}

-- Bytes that are kept of the latest that a step printed while it runs, whose answer has all of it, and in the
-- background.
local MAX_STREAM = 64 * 1024

local function null(value)
  return value == vim.NIL and nil or value
end

--- The execution of a buffer whose cell or task a line (from 0) belongs to.
function M.at(bufnr, line)
  local best
  for _, execution in pairs(executions[bufnr] or {}) do
    local first, last = view.lines(execution)
    -- A task is within a cell, and comes first.
    if first and first <= line and line <= last and (not best or execution.kind == "task") then
      best = execution
    end
  end
  return best
end

local function forget(execution)
  view.erase(execution)
  executions[execution.bufnr][execution.id] = nil
  for _, step in ipairs(execution.steps) do
    if of_step[step] == execution then -- steps are counted anew when a session goes back
      of_step[step] = nil
    end
  end
end

-- A part that is run again loses what came of it before.
local function replace(execution)
  for _, other in ipairs(view.beside(execution)) do
    if other ~= execution and other.kind == execution.kind then
      forget(other)
    end
  end
end

local function find(params, client)
  local bufnr = vim.uri_to_bufnr(params.uri)
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return nil
  end
  executions[bufnr] = executions[bufnr] or {}
  local id = client .. ":" .. params.execution
  local execution = executions[bufnr][id]
  if not execution then
    execution = { id = id, client = client, bufnr = bufnr, kind = params.kind, steps = {} }
    execution.stream, execution.background = "", ""
    executions[bufnr][id] = execution
    view.watch(bufnr, M.on_change)
  end
  return execution
end

-- Calls `visit` with all executions that have this value.
local function each(name, value, visit)
  for _, of_buffer in pairs(executions) do
    for _, execution in pairs(of_buffer) do
      if execution[name] == value then
        visit(execution)
      end
    end
  end
end

-- Marks what has run in a session, where what it left is gone; with nil, where the session may have it again.
local function mark_gone(session, gone)
  each("session", session, function(execution)
    if execution.state == "done" then
      execution.gone = gone
      view.draw(execution)
    end
  end)
end

--- Takes `tinycode/execution` of a client.
function M.on_execution(params, client)
  local execution = find(params, client)
  if not execution then
    return
  end
  if params.state == "undone" or params.state == "redone" then
    execution.undone = params.state == "undone"
    return view.draw(execution)
  end
  local place = null(params.place)
  if params.state == "queued" and place then
    view.place(execution, place.first_line, place.last_line)
    replace(execution)
  end
  execution.state = params.state
  execution.session = params.session or execution.session
  if params.state == "running" then
    execution.stream = ""
    local step = params.session .. ":" .. params.step
    table.insert(execution.steps, step)
    of_step[step] = execution
  elseif params.state == "done" then
    execution.ok = params.ok
    execution.answer = null(params.answer)
    if not execution.answer then -- it was not run, or has been stopped before it began
      return forget(execution)
    end
    if not view.lines(execution) and place then
      view.place(execution, place.first_line, place.last_line)
    end
  end
  view.draw(execution)
end

--- Takes `event`: what the code prints and the model says while it runs, and what becomes of the session.
function M.on_event(params)
  if params.type == "session.closed" then
    return mark_gone(params.session, "session ended")
  elseif params.type == "session.rewound" then
    return mark_gone(params.session, nil)
  elseif params.type == "step.finished" and null(params.result) and params.result.state == "lost" then
    mark_gone(params.session, "variables lost")
  end
  local execution = params.step and of_step[params.session .. ":" .. params.step]
  if not execution then
    return
  elseif params.background then
    execution.background = (execution.background .. params.text):sub(-MAX_STREAM)
    return view.draw_soon(execution)
  elseif execution.state ~= "running" then
    return
  end
  if params.type == "stdout" or params.type == "stderr" or params.type == "model.delta" then
    execution.stream = (execution.stream .. params.text):sub(-MAX_STREAM)
  elseif params.type == "code" then
    execution.code = params.code
    execution.stream = ""
  else
    return
  end
  view.draw_soon(execution)
end

--- Marks what was edited.
function M.on_change(bufnr)
  for _, execution in pairs(executions[bufnr] or {}) do
    if view.is_gone(execution) then
      forget(execution)
    else
      view.check(execution)
    end
  end
end

--- Forgets what came of a buffer.
function M.clear(bufnr)
  for _, execution in pairs(executions[bufnr] or {}) do
    if execution.state == "done" then
      forget(execution)
    end
  end
end

--- A client has lost its daemon: what ran is not heard of any more, and what had run is of another time.
function M.on_exit(client)
  each("client", client, function(execution)
    if execution.state ~= "done" then
      return forget(execution)
    end
    execution.gone = execution.gone or "disconnected since"
    view.draw(execution)
  end)
end

return M
