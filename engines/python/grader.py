"""Descent's grader, as a child process that is asked in lines of JSON."""

import json
import subprocess
import threading

# A verdict takes milliseconds: the length of a response bounds the work.
seconds_to_answer = 120


class Grader:
    """It is started when it is first asked, and ends when its standard input does, and so with the process that asks."""

    def __init__(self, command: list[str]):
        self.command, self.asking, self.process = list(command), threading.Lock(), None

    def __call__(self, problem: int, response: str) -> dict:
        """The verdict on a response: its reward, the answer that was read from it, and why (engines/grade.ts)."""
        with self.asking:  # from several threads
            if self.process is None:
                pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                self.process = subprocess.Popen(self.command, text=True, encoding="utf-8", **pipes)
            line = self._answer({"problem": problem, "response": response})
        if not line:
            raise RuntimeError(f"Descent's grader ended with {self.process.wait(10)}: its last lines are above")
        return json.loads(line)

    def _answer(self, question: dict) -> str:
        """A line of JSON; nothing where the grader has ended, as one that does not answer is."""
        late = threading.Timer(seconds_to_answer, self.process.kill)
        late.start()
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except BrokenPipeError:
            return ""
        finally:
            late.cancel()
