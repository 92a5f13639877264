"""The few sentences the hub itself says to customers, per language."""

APOLOGY = {
    "en": "Sorry, I could not answer that just now. Please try again in a moment.",
    "ja": "申し訳ございません。ただいまお答えできませんでした。少し時間をおいて、もう一度お試しください。",
    "de": "Entschuldigung, das konnte ich gerade nicht beantworten. Bitte versuchen Sie es gleich noch einmal.",
    "es": "Lo siento, ahora mismo no he podido responder. Inténtelo de nuevo en un momento.",
    "fr": "Désolé, je n'ai pas pu répondre à l'instant. Veuillez réessayer dans un moment.",
    "ko": "죄송합니다. 지금은 답변을 드리지 못했습니다. 잠시 후 다시 시도해 주세요.",
    "pt": "Desculpe, não consegui responder agora. Tente novamente em instantes.",
    "zh": "抱歉，我暂时无法回答。请稍后再试。",
    "ar": "عذرًا، لم أتمكن من الإجابة الآن. يُرجى المحاولة مرة أخرى بعد قليل.",
}
CONNECTING = {
    "en": "I am passing you to a colleague who can help. They will see our conversation.",
    "ja": "担当者におつなぎします。ここまでの会話の内容は担当者に引き継がれます。",
    "de": "Ich verbinde Sie mit einer Kollegin oder einem Kollegen. Unser Gespräch wird übergeben.",
    "es": "Le paso con una persona de nuestro equipo. Verá nuestra conversación.",
    "fr": "Je vous mets en relation avec un collègue. Il verra notre conversation.",
    "ko": "상담원에게 연결해 드리겠습니다. 지금까지의 대화 내용이 전달됩니다.",
    "pt": "Vou passar você para um colega. Ele verá a nossa conversa.",
    "zh": "我将为您转接同事，对方可以看到我们的对话。",
    "ar": "سأحوّلك إلى أحد الزملاء، وسيتمكن من رؤية محادثتنا.",
}


def say(words: dict[str, str], language: str | None) -> str:
    """The sentence in the customer's language, else in English."""
    return words.get((language or "en").split("-")[0].lower(), words["en"])
