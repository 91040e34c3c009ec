// Harmonise the tune in the top staff of a score, by a running `bachlit serve`.
//
// Copy this file into MuseScore's folder of plug-ins, switch it on in the Plugin Manager, start `bachlit serve`, open a
// score and choose Plugins > Harmonise with bachlit. The tune stands in voice 1 of the first staff, in one key and
// metre, without tuplets; the top notes of chords count. Of four staves the lower three get alto, tenor and bass, over
// what they held; of two staves the first gets the alto, the second tenor and bass.
//
// Tried with MuseScore 3.2.3. It uses neither readScore nor writeScore, which MuseScore 4 lacks; nobody tried it there.
import QtQuick 2.0
import MuseScore 3.0

MuseScore {
    menuPath: "Plugins.Harmonise with bachlit"
    description: "Write Bach's harmony under the tune in the top staff."
    version: "1.0"
    requiresScore: true

    property string service: "http://127.0.0.1:8765"
    property var places: ({4: {alto: [1, 0], tenor: [2, 0], bass: [3, 0]}, 2: {alto: [0, 1], tenor: [1, 0], bass: [1, 1]}})

    onRun: {
        var score = curScore, voices = places[score.nstaves], request = new XMLHttpRequest()
        if (!voices)
            return say("This score has " + score.nstaves + " staves; expected two or four. Add or remove some.")
        request.onreadystatechange = function () {
            if (request.readyState !== XMLHttpRequest.DONE)
                return
            if (!request.status)
                return say("No service answers at " + service + ". Start it by: bachlit serve")
            var answer = JSON.parse(request.responseText)
            if (answer.error)
                return say(answer.error)
            for (var voice in voices)
                write(score, voices[voice], answer.pieces[0].voices[voice])
            leave()
        }
        request.open("POST", service + "/api/v1/harmonize")
        request.setRequestHeader("Content-Type", "application/json")
        request.send(JSON.stringify(melody(score)))
    }

    function melody(score) {
        var cursor = cursorAt(score, [0, 0], 0), metre = cursor.measure.timesigNominal, notes = []
        var begun = cursor.measure.timesigActual.ticks  // of the first measure, less than the metre's after a pickup
        while (cursor.segment) {
            var from = cursor.tick, chord = cursor.element.notes, top = chord ? chord[chord.length - 1] : null
            cursor.next()
            var ticks = (cursor.segment ? cursor.tick : score.lastSegment.tick) - from
            if (top && top.tieBack)  // MuseScore 3.2 doesn't say; there, tied notes are sent as repeated ones
                notes[notes.length - 1][1] += ticks
            else
                notes.push([top ? top.pitch : null, ticks])
        }
        while (notes.length && notes[notes.length - 1][0] === null)
            notes.pop()  // empty measures at the end
        return {notes: notes, division: division, metre: metre.str, pickup: begun < metre.ticks ? begun : 0,
                fifths: cursorAt(score, [0, 0], 0).keySignature}
    }

    function write(score, place, notes) {
        var cursor = cursorAt(score, place, 0), rests = [], ties = []
        score.startCmd()
        notes.forEach(function (note) {
            for (var left = note[1], ticks; left > 0; left -= ticks) {
                var from = cursor.tick, next = cursor.measure.nextMeasure
                ticks = longest(left, next ? next.firstSegment.tick - from : left, note[0] !== null)
                add(cursor, note[0] || 60, ticks)
                if (note[0] === null)
                    rests.push(from)
                else if (ticks < left)
                    ties.unshift([from, note[0], ticks])
            }
        })
        rests.forEach(function (from) {  // no version lacks removeElement, which leaves a rest; 3.2 lacks addRest
            removeElement(cursorAt(score, place, from).element)
        })
        score.endCmd()
        ties.forEach(function (tie) {  // cmd ties what is selected, the note that was written last; so from the end
            score.startCmd()
            add(cursorAt(score, place, tie[0]), tie[1], tie[2])
            score.endCmd()
            cmd("tie")
        })
    }

    // Ticks of the longest note without a tie. MuseScore itself ties one that crosses a bar line.
    function longest(left, room, crosses) {
        return [24, 16, 12, 8, 6, 4, 3, 2, 1].map(function (sixteenths) {
            return sixteenths * division / 4
        }).filter(function (ticks) {
            return ticks === left && crosses || ticks <= Math.min(left, room)
        })[0]
    }

    function add(cursor, pitch, ticks) {
        cursor.setDuration(ticks, 4 * division)
        cursor.addNote(pitch)
    }

    function cursorAt(score, place, tick) {
        var cursor = score.newCursor()
        cursor.staffIdx = place[0]
        cursor.rewind(0)
        cursor.voice = place[1]  // after rewind, which finds nothing in a voice that is still empty
        while (cursor.tick < tick && cursor.next()) {}
        return cursor
    }

    function say(sentence) {
        var message
        try {
            message = Qt.createQmlObject("import QtQuick.Dialogs 1.1; MessageDialog { title: 'bachlit' }", this)
        } catch (error) {  // Qt 6
            message = Qt.createQmlObject("import QtQuick.Dialogs; MessageDialog { title: 'bachlit' }", this)
        }
        message.text = sentence
        message.accepted.connect(leave)
        message.open()
    }

    function leave() {
        typeof quit === "undefined" ? Qt.quit() : quit()  // MuseScore 3 and 4
    }
}
