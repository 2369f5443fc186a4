"""The rung that asks a model, at any server with OpenAI's /chat/completions.

`chat` asks a server that may be busy, slow or unable; `prompts` what is said to it, `answers` what it may say, `chunks`
how a long transcript is cut and its notes put together; `analyst` keeps to what every analyst promises.
"""
