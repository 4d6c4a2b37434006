"""Chat templates for the tokens of the tiny tokenizer, as published models have them."""

CHATML = (
    "{% for m in messages %}<|cls|>{{ m.role }}\n{{ m.content }}<|eos|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|cls|>assistant\n{% endif %}"
)
EOS_INSIDE = (
    "{% for m in messages %}{% if m.role == 'user' %}User: {{ m.content }}\n\n"
    "{% else %}Assistant: {{ m.content }}<|eos|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
