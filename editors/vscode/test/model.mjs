// A scripted model: a server that speaks OpenAI's `/chat/completions`, and says what it was asked.

import { createServer } from "node:http";

/** Starts it with these replies, in order, for those who have the key, if there is one. */
export async function startModel(key, replies) {
  const problems = [];
  const left = [...replies];
  const server = createServer((request, response) => {
    request.resume();
    const { url, headers } = request;
    const isRight = url === "/v1/chat/completions" && headers.authorization === (key && `Bearer ${key}`);
    const reply = isRight ? left.shift() : undefined;
    if (reply === undefined) {
      problems.push(isRight ? "a call beyond the script" : `a request to ${url} without the key, or the wrong one`);
      response.writeHead(400, { "content-type": "text/plain" }).end("not in the script");
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const content of reply.match(/[^]{1,9}/g)) {
      response.write(event([{ index: 0, finish_reason: null, delta: { content } }]));
    }
    response.write(event([{ index: 0, finish_reason: "stop", delta: {} }]));
    response.write(event([], { prompt_tokens: 50, completion_tokens: 21, total_tokens: 71 }));
    response.end("data: [DONE]\n\n");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    problems: () => [...problems, ...left.map(() => "a reply was not called for")],
    stop: () => server.close(),
  };
}

function event(choices, usage) {
  const chunk = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "test-model", choices, usage };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
