"""A small JSGF reader that draws sentences: what tools/make_corpus speaks is what tools/recognize's decoder accepts.

Understood: rules, references, sequences, alternatives with weights (/2/), groups ( ) and options [ ]. No repetition, no tags.
"""

import hashlib
import re

TOKEN = re.compile(r"/[0-9.]+/|<[\w]+>|[()\[\]|]|[^\s()\[\]|<>/]+")


class GrammarError(ValueError):
    pass


class Grammar:
    def __init__(self, text):
        self.text = text
        body = re.sub(r"//[^\n]*|/\*.*?\*/|#JSGF[^;]*;|grammar\s+[\w.]+\s*;", " ", text, flags=re.S)
        self.rules, self.start = {}, None
        for rule in filter(str.strip, body.split(";")):
            match = re.fullmatch(r"\s*(public\s+)?<(\w+)>\s*=(.*)", rule, flags=re.S)
            if not match:
                raise GrammarError(f"grammar: not a rule: {rule.strip()[:60]!r}")
            name, tokens = match[2], TOKEN.findall(match[3])
            if name in self.rules:
                raise GrammarError(f"grammar: rule <{name}> is defined twice")
            self.rules[name] = self._alternatives(tokens, None, name)
            if match[1] and self.start is None:
                self.start = name
        if self.start is None:
            raise GrammarError("grammar: no public rule")
        for name in self.rules:
            self._check(self.rules[name], (name,))

    # A node is a word, ("rule", name) or ("one of", [(weight, [node, ...]), ...]).
    def _alternatives(self, tokens, closing, rule):
        choices, weight, sequence = [], 1.0, []
        while True:
            token = tokens.pop(0) if tokens else None
            if token in (None, "|", ")", "]"):
                if not sequence:
                    raise GrammarError(f"grammar: <{rule}> has an empty alternative")
                choices.append((weight, sequence))
                weight, sequence = 1.0, []
                if token != "|":
                    if token != closing:
                        raise GrammarError(f"grammar: <{rule}> ends with {token!r}, expected {closing!r}")
                    return ("one of", choices)
            elif token == "(":
                sequence.append(self._alternatives(tokens, ")", rule))
            elif token == "[":
                sequence.append(("one of", [(1.0, [self._alternatives(tokens, "]", rule)]), (1.0, [])]))
            elif token.startswith("<"):
                sequence.append(("rule", token[1:-1]))
            elif token.startswith("/"):
                weight = float(token[1:-1])
            else:
                sequence.append(token)

    def _check(self, node, above):
        if isinstance(node, str):
            return
        if node[0] == "rule":
            if node[1] not in self.rules:
                raise GrammarError(f"grammar: <{above[-1]}> refers to <{node[1]}>, which is not defined")
            if node[1] in above:
                raise GrammarError(f"grammar: <{node[1]}> refers to itself")
            self._check(self.rules[node[1]], above + (node[1],))
        else:
            for _, sequence in node[1]:
                for part in sequence:
                    self._check(part, above)

    def words(self):
        """Every word that can be spoken."""
        found, stack = set(), list(self.rules.values())
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                found.add(node)
            elif node[0] == "one of":
                stack += [part for _, sequence in node[1] for part in sequence]
        return found

    def draw(self, rng):
        """One sentence; `rng` is a random.Random."""
        return " ".join(self._draw(("rule", self.start), rng))

    def _draw(self, node, rng):
        if isinstance(node, str):
            return [node]
        if node[0] == "rule":
            return self._draw(self.rules[node[1]], rng)
        at = rng.random() * sum(weight for weight, _ in node[1])
        for weight, sequence in node[1]:
            at -= weight
            if at < 0:
                break
        return [word for part in sequence for word in self._draw(part, rng)]


def normalized(text):
    """Lower-case words without punctuation: what transcripts are compared and split by."""
    return re.sub(r"[^\w']+", " ", text.lower()).strip()


def held_out(text, percent):
    """Whether a sentence belongs to the validation split: a function of its words alone, so no sentence is in both."""
    return int.from_bytes(hashlib.sha256(normalized(text).encode()).digest()[:4], "big") % 10000 < percent * 100
